"""Calls before the gate: who must be asked, what was said, and with which arguments they go on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from agents import FunctionTool, RunContextWrapper
from agents.tool_context import ToolContext
from openai.types.responses import ResponseFunctionToolCall

from timestep.engine.approved import Made, NotAsApproved, as_approved
from timestep.engine.durable_functions import as_step, plainly
from timestep.engine.execution import Scope, durable_scope
from timestep.engine.threads import in_thread
from timestep.gate import ToolCall, approval_gate

DENIED = "This call was denied by a policy and was not made."
# The gate allows the call whatever the tool itself says: it was approved for the rest of the run.
GRANTED = "granted"


class NeedsApproval:
    """What the SDK asks of a durable tool: the gate's recorded verdict on the call.

    Args:
        asks: What the tool itself says: a flag, or a function of the SDK's form.
    """

    def __init__(self, asks: Any) -> None:
        self._asks = asks

    @property
    def asks(self) -> bool:
        """Whether the tool always asks; a function is asked for each call by itself."""
        return self._asks is True

    @property
    def decides(self) -> bool:
        """Whether a function of the tool is asked for each call."""
        return callable(self._asks)

    async def __call__(
        self, context: RunContextWrapper[Any], arguments: dict[str, Any], call_id: str
    ) -> bool:
        """Whether this call must wait for a person."""
        scope = durable_scope()
        verdict = scope.verdicts.get(call_id) if scope else None
        if verdict in ("ask", "deny", GRANTED) or not callable(self._asks):
            return verdict == "ask" or (verdict is None and self.asks)

        async def ask() -> bool:
            return bool(await plainly(lambda: self._asks(context, arguments, call_id)))

        if scope is None:
            return await ask()
        if call_id not in scope.asks:
            what = f"needs_approval of call {call_id}"
            scope.asks[call_id] = await as_step(scope, scope.around[call_id], what, ask)
        if scope.asks[call_id]:
            scope.verdicts[call_id] = "ask"
        return scope.asks[call_id]


@dataclass(frozen=True)
class Question:
    """What the gate is asked of a call; `decides`: a function of the tool will be asked as well."""

    call: ToolCall
    decides: bool


def question(scope: Scope, agent: str, tool: Any, call_id: str, arguments: str) -> Question:
    """What the gate is asked of a call of a tool, of whatever kind."""
    setting = getattr(tool, "needs_approval", False)
    asking = setting if isinstance(setting, NeedsApproval) else NeedsApproval(setting)
    call = ToolCall(
        run_id=scope.execution.run_id,
        agent=agent,
        tool=tool.name,
        call_id=call_id,
        arguments=arguments,
        asks=asking.asks,
    )
    return Question(call, asking.decides)


def gate_questions(
    scope: Scope,
    agent: str,
    tools: dict[str, FunctionTool],
    calls: list[ResponseFunctionToolCall],
) -> list[Question]:
    """What the gate is asked about the function calls of a response."""
    known = [call for call in calls if call.name in tools]
    return [
        question(scope, agent, tools[call.name], call.call_id, call.arguments) for call in known
    ]


async def ask_gate(questions: list[Question]) -> dict[str, str]:
    """Ask the gate once for each call of a response; called inside the response's own step.

    So the verdicts are part of the response's checkpoint, and a replay does not ask again.
    """
    return await in_thread(_verdicts, questions) if questions else {}


def goes_on(scope: Scope, call_id: str) -> bool:
    """Whether nobody has to be asked: the call is made, or its tool says that it was denied."""
    return scope.verdicts.get(call_id) in ("allow", "deny", GRANTED)


def _verdicts(questions: list[Question]) -> dict[str, str]:
    """The gate's verdicts; `granted` where a function of the tool need not be asked any more."""
    gate = approval_gate()
    # As if such a function asked: what goes ahead then was approved. First, since the gate records
    # that an approval was used, or a call denied, at each question.
    first = gate.check([replace(one.call, asks=one.decides or one.call.asks) for one in questions])
    asked = zip(questions, first, strict=True)
    return {one.call.call_id: _verdict(one, verdict) for one, verdict in asked}


def _verdict(asked: Question, verdict: str) -> str:
    if not asked.decides or verdict == "deny":
        return verdict
    return GRANTED if verdict == "allow" else approval_gate().check([asked.call])[0]


async def as_people_said(
    scope: Scope, context: ToolContext[Any], proposed: str, step_id: int | None
) -> Made:
    """How to make a call; fails the run where it is another than the one that was approved."""
    try:
        made = as_approved(scope.approved, context, proposed)
    except NotAsApproved as error:
        await scope.execution.fail(f"tool {context.tool_name}", step_id, error)
        raise
    nested = context.tool_call_id in scope.nested
    if made.was_edited and context.tool_call is not None and not nested:
        # Not of a nested run: the SDK finds its state by the model's own call.
        edited = {"arguments": made.arguments}
        context.tool_call = context.tool_call.model_copy(update=edited)
    return made
