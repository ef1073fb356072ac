"""Run states in this process: what they are bound to, and what was decided on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agents import Agent, RunContextWrapper, RunState, ToolApprovalItem
from agents._tool_identity import get_hosted_mcp_approval_request_identity

from timestep.engine.states import call_id_of, restore
from timestep.gate import ToolCall
from timestep.models import SavedState
from timestep.services.states import StateUnreadable, described, read

_BOND = "_timestep_bond"


@dataclass(frozen=True)
class Bond:
    """Which interrupted run a state is of: resuming it continues that run."""

    run_id: str
    revision: int
    spec_digest: str


def bind(state: RunState[Any, Any], bond: Bond) -> None:
    """Let a state know its run. `to_json()` does not carry that."""
    setattr(state, _BOND, bond)


def bond_of(state: RunState[Any, Any]) -> Bond | None:
    """The run that a state is bound to; None if resuming it starts a new run."""
    bond: Bond | None = getattr(state, _BOND, None)
    return bond


async def restored(agent: Agent[Any], row: SavedState) -> RunState[Any, Any]:
    """The SDK's state of a row, bound to its run.

    Args:
        agent: The agent that the run started with.
        row: The row, with its run.

    Raises:
        StateUnreadable: The row is damaged, or the SDK cannot read what is in it.
    """
    raw = read(row)
    try:
        state = await restore(agent, raw)
    except Exception as error:
        raise StateUnreadable(
            f"{described(row)} (schema {row.schema_version or 'unknown'}) cannot be read by this "
            f"version of openai-agents: {error}"
        ) from error
    if row.run_id is not None:
        bind(state, Bond(row.run_id, row.revision, row.spec_digest))
    return state


def decisions_in(state: RunState[Any, Any]) -> list[dict[str, Any]]:
    """What a program has decided on the calls that wait, in the order in which they wait.

    Returns:
        One `{"call_id", "approve", "reason", "always"}` per decided call; a call on which
        nothing was decided is left out. `reason` is the message for the model, as given.
    """
    found = [_decision(state, item) for item in state.get_interruptions()]
    return [decision for decision in found if decision is not None]


def approved_in(state: RunState[Any, Any], run_id: str) -> list[tuple[ToolCall, bool]]:
    """The waiting calls that a program approved, and whether further calls of the tool as well."""
    decisions = {decision["call_id"]: decision for decision in decisions_in(state)}
    found = []
    for item in state.get_interruptions():
        decision = decisions.get(call_id_of(item))
        if decision is not None and decision["approve"]:
            call = ToolCall(
                run_id=run_id,
                agent=item.agent.name,
                tool=item.tool_name or "",
                call_id=call_id_of(item),
                arguments=item.arguments or "{}",
                asks=True,
            )
            found.append((call, decision["always"]))
    return found


def _decision(state: RunState[Any, Any], item: ToolApprovalItem) -> dict[str, Any] | None:
    nested = state._find_nested_approval_state(item)
    owner, owned = nested or (state, state._find_current_approval_item(item) or item)
    context = owner._context
    if context is None:
        return None
    asked = (owned.tool_name or "", call_id_of(owned))
    named: dict[str, Any] = {"existing_pending": owned, "tool_lookup_key": owned.tool_lookup_key}
    approve = context.get_approval_status(*asked, **named)
    if approve is None:
        return None
    reason = "" if approve else context.get_rejection_message(*asked, **named) or ""
    always = any(
        record.approved is True or record.rejected is True for record in _records(context, owned)
    )
    return {"call_id": call_id_of(item), "approve": approve, "reason": reason, "always": always}


def _records(context: RunContextWrapper[Any], item: ToolApprovalItem) -> Iterator[Any]:
    """What the SDK keeps of decisions on a call's tool, a hosted server's tool included."""
    for key in context._resolve_approval_keys(item):
        yield from context._approval_records_for_key(key, item)
    hosted = get_hosted_mcp_approval_request_identity(item)
    identity = hosted.approval_identity if hosted is not None else None
    if identity is not None and identity in context._approvals:
        yield context._approvals[identity]
