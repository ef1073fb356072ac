"""Calls before the gate: who must be asked, what was said, and with which arguments they go on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from agents import FunctionTool, Handoff, RunContextWrapper, ToolApprovalItem
from agents.tool_context import ToolContext
from agents.util._approvals import parse_function_tool_arguments
from openai.types.responses import ResponseFunctionToolCall

from timestep.engine.approved import Made, NotAsApproved, as_approved
from timestep.engine.durable_functions import as_step, plainly
from timestep.engine.execution import Scope, durable_scope
from timestep.engine.threads import in_thread
from timestep.engine.unreadable import UNREADABLE, fault_of, misfit_of, read_by_sdk
from timestep.gate import ToolCall, approval_gate
from timestep.storable import DEEP

DENIED = "This call was denied by a policy and was not made."
# The gate allows the call whatever the tool itself says: it was approved for the rest of the run.
GRANTED = "granted"


class NeedsApproval:
    """What the SDK asks of a durable tool: the gate's recorded verdict on the call.

    Args:
        asks: What the tool itself says: a flag, or a function of the SDK's form.
        tool: The tool, whose calls with arguments that cannot be read are not made.
    """

    def __init__(self, asks: Any, tool: FunctionTool | None = None) -> None:
        self._asks = asks
        self._tool = tool

    def fault_of(self, arguments: str) -> str | None:
        """Why a call with these arguments cannot be made, whatever anybody says; else None."""
        tool = self._tool
        if tool is None:
            return None
        fault = fault_of(tool.name, arguments)
        if fault is None:
            return misfit_of(tool, arguments) if self._asks is not False else None
        # A function that reads the model's text itself may make something of it, if nobody is
        # to be asked.
        mends = self._asks is False and not read_by_sdk(tool) and not fault.endswith(DEEP)
        return None if mends else fault

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
        if verdict in ("ask", "deny", GRANTED, UNREADABLE) or not callable(self._asks):
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
    """What the gate is asked about the function calls of a response that can be made."""
    known = [call for call in calls if call.name in tools]
    return [
        question(scope, agent, tools[call.name], call.call_id, call.arguments)
        for call in known
        if fault_in(tools[call.name], call.arguments) is None
    ]


def fault_in(tool: FunctionTool, arguments: str) -> str | None:
    """Why a tool of a run cannot be called with these arguments; None where it can."""
    asks = tool.needs_approval
    return asks.fault_of(arguments) if isinstance(asks, NeedsApproval) else None


def unreadable(
    tools: dict[str, FunctionTool],
    handoffs: Iterable[Handoff[Any, Any]],
    calls: list[ResponseFunctionToolCall],
    verdicts: dict[str, str],
) -> dict[str, str]:
    """The verdict on those function calls of a response that cannot be made.

    Args:
        tools: The tools that the model was given, by name.
        handoffs: The handoffs likewise.
        calls: The calls.
        verdicts: What the gate said of the others.
    """
    taken = {one.tool_name: one for one in handoffs}
    return {
        call.call_id: UNREADABLE
        for call in calls
        if _cannot_be_made(tools.get(call.name), call, verdicts.get(call.call_id))
        or (call.name in taken and is_unreadable(taken[call.name], call))
    }


def is_unreadable(handoff: Handoff[Any, Any], call: ResponseFunctionToolCall) -> bool:
    """Whether a handoff takes an object, and the model wrote none: it is told so, and stays."""
    takes_object = bool(handoff.input_json_schema.get("properties"))
    return takes_object and fault_of(call.name, call.arguments) is not None


def _cannot_be_made(
    tool: FunctionTool | None, call: ResponseFunctionToolCall, verdict: str | None
) -> bool:
    if tool is None:
        return False
    if fault_in(tool, call.arguments) is not None:
        return True
    # Nobody can judge what cannot be read.
    return verdict == "ask" and fault_of(tool.name, call.arguments) is not None


def pass_unreadable(
    scope: Scope,
    tools: dict[str, FunctionTool],
    handoffs: list[Handoff[Any, Any]],
    calls: list[ResponseFunctionToolCall],
) -> None:
    """Let calls whose arguments cannot be read go on to their tools, which refuse most of them.

    The SDK would hold each of them back for a person, be the tool one that never asks. And a
    handoff with such an input is no handoff in this turn: the model is told, and the agent stays.

    Args:
        scope: The run, with the verdicts on the calls.
        tools: The tools that the model was given, by name.
        handoffs: The SDK's list of handoffs for this turn; it is changed.
        calls: The function calls of the response.
    """
    for call in calls:
        verdict = scope.verdicts.get(call.call_id)
        if call.name not in tools:
            if verdict == UNREADABLE:
                handoffs[:] = [one for one in handoffs if one.tool_name != call.name]
        elif verdict != "ask" and _is_held_back(tools[call.name], call, verdict):
            item = ToolApprovalItem(agent=scope.agent, raw_item=call, tool_name=call.name)
            scope.context.approve_tool(item)


def _is_held_back(tool: FunctionTool, call: ResponseFunctionToolCall, verdict: str | None) -> bool:
    asks = tool.needs_approval
    decides = isinstance(asks, NeedsApproval) and asks.decides and verdict == "allow"
    return not decides and parse_function_tool_arguments(call.arguments) is None


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
