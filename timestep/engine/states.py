"""Resuming from a saved state: what a segment does before the SDK's loop goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agents import Agent, RunState, ToolApprovalItem, UserError
from agents._run_state_agent_identity import _build_agent_identity_map
from agents.agent_tool_state import peek_agent_tool_run_result

from timestep.arguments import arguments_digest
from timestep.engine.approved import Approved
from timestep.engine.execution import Scope
from timestep.engine.local_calls import keep_steps_again
from timestep.engine.odd_items import OddItems
from timestep.engine.step_ids import resumed_blocks
from timestep.engine.travel import CannotTravel, build_value, describe_value
from timestep.errors import TimestepError

REJECTED = "The call was not made: a person rejected it."
EXPIRED = "The call was not made: the time to approve it is over."


class StateMismatch(TimestepError):
    """The saved state and the decisions on it do not fit together."""


_CONTEXT = "timestep_context"


async def restore(agent: Agent[Any], raw: dict[str, Any]) -> RunState[Any, Any]:
    """The SDK's state object of a saved state, its context of the class that it had.

    Args:
        agent: The agent that the run started with.
        raw: What `as_raw` gave.
    """
    odd = OddItems()
    readable = _reopened(raw, odd)
    state = await RunState.from_json(agent, readable, context_deserializer=_built_context)
    _complete(state, raw, odd)
    return state


def _reopened(raw: dict[str, Any], odd: OddItems) -> dict[str, Any]:
    """A saved state whose calls are executed, and none of them completed.

    The SDK refuses a state in which a completed call is not found together with its output: but a
    handoff's `input_filter` may have dropped or changed either, which is no fault of the state.
    """
    made = odd.set_aside(raw)
    if context := made.get("context"):
        calls = context.get("tool_invocations") or {}
        opened = {call_id: {**call, "completed": False} for call_id, call in calls.items()}
        made["context"] = {**context, "tool_invocations": opened}
    if processed := made.get("last_processed_response"):
        functions = [
            {**one, "agent_run_state": _reopened(inner, odd)}
            if (inner := one.get("agent_run_state"))
            else one
            for one in processed.get("functions", [])
        ]
        made["last_processed_response"] = {**processed, "functions": functions}
    return made


def _complete(state: RunState[Any, Any], raw: dict[str, Any], odd: OddItems) -> None:
    """Let a restored state know which calls are completed: they are never made again.

    And let it have the items that were set aside of it.
    """
    odd.put_back(state)
    saved = (raw.get("context") or {}).get("tool_invocations") or {}
    known = {} if state._context is None else state._context._tool_invocations
    for call_id in known.keys() & saved.keys():
        known[call_id].completed = saved[call_id].get("completed") is True
    functions = (raw.get("last_processed_response") or {}).get("functions", [])
    inside = {one["tool_call"]["call_id"]: one.get("agent_run_state") for one in functions}
    processed = state._last_processed_response
    for function in [] if processed is None else processed.functions:
        waits = peek_agent_tool_run_result(
            function.tool_call, scope_id=state._agent_tool_state_scope_id
        )
        inner = inside.get(function.tool_call.call_id)
        if waits is not None and inner is not None:
            _complete(waits.to_state(), inner, odd)


def last_agent(agent: Agent[Any], raw: dict[str, Any]) -> Agent[Any] | None:
    """The agent that a state ended with, without reading all of it; None where it is not here.

    Args:
        agent: The agent that the run started with.
        raw: What `as_raw` gave.
    """
    named = raw.get("current_agent") or {}
    identity = str(named.get("identity") or named.get("name"))
    return _build_agent_identity_map(agent).get(identity)


def as_raw(state: RunState[Any, Any]) -> dict[str, Any]:
    """A state as it is saved.

    The SDK by itself forgets the class of a context that is no dictionary.

    Raises:
        CannotTravel: The context holds what no other process could build.
    """
    try:
        return state.to_json(context_serializer=_described_context)
    except UserError as error:
        if isinstance(error.__cause__, CannotTravel):
            raise error.__cause__ from None  # It says more than that serializing failed.
        raise


def _described_context(context: Any) -> dict[str, Any]:
    return {_CONTEXT: describe_value(context, "context")}


def _built_context(kept: Mapping[str, Any]) -> Any:
    """The context of a saved state; one that `as_raw` did not write is the dictionary itself."""
    return build_value(kept[_CONTEXT]) if set(kept) == {_CONTEXT} else dict(kept)


def apply_decisions(
    state: RunState[Any, Any], decisions: list[dict[str, Any]], *, by_program: bool = False
) -> None:
    """Approve or reject each pending call as people decided.

    Args:
        state: The state.
        decisions: The segment's decisions.
        by_program: Whether a program resumed: its decisions are in the state already, and it may
            have left calls open, which then wait again.

    Raises:
        StateMismatch: A pending call has no decision, and no program left it open.
    """
    by_call = {decision["call_id"]: decision for decision in decisions}
    for item in state.get_interruptions():
        decision = by_call.get(call_id_of(item))
        if decision is None:
            if by_program:
                continue
            raise StateMismatch(f"call {call_id_of(item)} waits and has no decision")
        if decision.get("by_program"):
            continue
        if decision["approve"]:
            state.approve(item)
        else:
            state.reject(item, rejection_message=_rejection(decision))


def _rejection(decision: dict[str, Any]) -> str:
    """What the model is told of a call that is not made: who or what decided so, in truth."""
    reason = decision.get("reason", "")
    if decision.get("expired"):
        return f"{EXPIRED} {reason}".strip()
    return f"{REJECTED} Their reason: {reason}" if reason else REJECTED


def reserve_for_resume(
    scope: Scope,
    state: dict[str, Any],
    around: Callable[[str], int] = lambda _name: 0,
    blocks: Iterator[int] | None = None,
    approved: dict[str, Approved] | None = None,
    before: Mapping[str, Approved] | None = None,
) -> None:
    """Reserve step ids for the calls that go on, first thing in a resumed segment.

    They belong to the last model response, whose own step is in an earlier segment; where such
    a call runs an agent that waits itself, the same holds for that agent's calls.

    Args:
        scope: The resumed run.
        state: The saved state.
        around: How many steps the calls of a tool may take beside themselves, by its name.
        blocks: Numbers of the blocks that are left for nested agents; None for all of them.
        approved: What people approved of the calls that wait; each is taken out where it belongs.
        before: What they had approved with other arguments in earlier segments.
    """
    blocks = resumed_blocks() if blocks is None else blocks
    approved = {} if approved is None else approved
    processed = state.get("last_processed_response") or {}
    inside = {
        function["tool_call"]["call_id"]: function
        for function in processed.get("functions", [])
        if function.get("agent_run_state")
    }
    runs_agent = {
        item["raw_item"]["call_id"]
        for item in processed.get("new_items", [])
        if (item.get("tool_origin") or {}).get("type") == "agent_as_tool"
    }
    responses = state.get("model_responses") or [{}]
    for item in responses[-1].get("output", []):
        if item.get("type") == "function_call":
            block = next(blocks) if item["call_id"] in runs_agent else None
            scope.reserve_call(item["call_id"], block=block, around=around(item["name"]))
            # Of a call that went ahead before, an approval under its id is of a call inside.
            if item["call_id"] in approved and item["call_id"] not in inside:
                scope.approved[item["call_id"]] = approved.pop(item["call_id"])
    keep_steps_again(scope, responses[-1].get("output", []), around)
    for handoff in processed.get("handoffs", [])[:1]:
        scope.handoff_call = handoff["tool_call"]["call_id"]
    for call_id, function in inside.items():
        edit = (before or {}).get(call_id)
        if edit and edit.proposed == arguments_digest(function["tool_call"]["arguments"]):
            scope.approved[call_id] = edit
        inner = function["agent_run_state"]
        reserve_for_resume(scope.nested[call_id], inner, around, blocks, approved, before)


def refuse_unplaced(approved: Mapping[str, Approved]) -> None:
    """Refuse an edit of a call that is not in the state: it would be made unedited, or not at all.

    Raises:
        StateMismatch: There is one.
    """
    for call_id, one in approved.items():
        if one.edited is not None:
            raise StateMismatch(f"call {call_id} was edited, and is not in the saved state")


def call_id_of(item: ToolApprovalItem) -> str:
    """The id of the call that an approval item is about."""
    return str(item.call_id)
