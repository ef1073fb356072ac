"""Guardrails as checkpointed steps: what they said is recorded, and a replay hears the same."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agents import (
    Agent,
    GuardrailFunctionOutput,
    InputGuardrail,
    InputGuardrailTripwireTriggered,
    OutputGuardrail,
    OutputGuardrailTripwireTriggered,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrail,
    ToolInputGuardrailTripwireTriggered,
    ToolOutputGuardrail,
    ToolOutputGuardrailTripwireTriggered,
)
from dbos import StepReservation

from timestep.engine.durable_approval import as_people_said
from timestep.engine.durable_functions import plainly
from timestep.engine.durable_tools import as_json, output_text
from timestep.engine.execution import MAX_MESSAGE_CHARACTERS, Scope, durable_scope
from timestep.storable import EVENT_TEXT_LIMIT, storable

_INPUT, _OUTPUT, _TOOL_INPUT, _TOOL_OUTPUT = "input", "output", "tool input", "tool output"


@dataclass
class RecordedOutput(GuardrailFunctionOutput):
    """What a guardrail said, as its step has it."""

    step: str = ""


@dataclass
class RecordedToolOutput(ToolGuardrailFunctionOutput):
    """What a tool's guardrail said, as its step has it."""

    step: str = ""


def durable_input_guardrail(guardrail: InputGuardrail[Any]) -> InputGuardrail[Any]:
    """A copy of an input guardrail whose check is a step of the run."""
    made = copy.copy(guardrail)

    async def check(context: Any, agent: Agent[Any], given: Any) -> GuardrailFunctionOutput:
        question = _Question(_INPUT, made.get_name(), agent.name)
        return await _said(
            question, made, lambda: guardrail.guardrail_function(context, agent, given)
        )

    made.name, made.guardrail_function = guardrail.get_name(), check
    return made


def durable_output_guardrail(guardrail: OutputGuardrail[Any]) -> OutputGuardrail[Any]:
    """A copy of an output guardrail whose check is a step of the run."""
    made = copy.copy(guardrail)

    async def check(context: Any, agent: Agent[Any], output: Any) -> GuardrailFunctionOutput:
        question = _Question(_OUTPUT, made.get_name(), agent.name)
        return await _said(
            question, made, lambda: guardrail.guardrail_function(context, agent, output)
        )

    made.name, made.guardrail_function = guardrail.get_name(), check
    return made


def durable_tool_input_guardrail(guardrail: ToolInputGuardrail[Any]) -> ToolInputGuardrail[Any]:
    """A copy of a tool's input guardrail whose check is a step of the run."""
    made = copy.copy(guardrail)
    made.name = guardrail.get_name()
    made.guardrail_function = _tool_check(_TOOL_INPUT, made.name, guardrail.guardrail_function)
    return made


def durable_tool_output_guardrail(guardrail: ToolOutputGuardrail[Any]) -> ToolOutputGuardrail[Any]:
    """A copy of a tool's output guardrail whose check is a step of the run."""
    made = copy.copy(guardrail)
    made.name = guardrail.get_name()
    made.guardrail_function = _tool_check(_TOOL_OUTPUT, made.name, guardrail.guardrail_function)
    return made


def describe_tripwire(error: BaseException) -> dict[str, Any] | None:
    """The error of a run that a guardrail ended; None where the error is about something else."""
    if isinstance(error, InputGuardrailTripwireTriggered | OutputGuardrailTripwireTriggered):
        kind = _INPUT if isinstance(error, InputGuardrailTripwireTriggered) else _OUTPUT
        output, guardrail = error.guardrail_result.output, error.guardrail_result.guardrail
        return _ended(kind, guardrail.get_name(), output, error)
    if isinstance(
        error, ToolInputGuardrailTripwireTriggered | ToolOutputGuardrailTripwireTriggered
    ):
        first = isinstance(error, ToolInputGuardrailTripwireTriggered)
        kind = _TOOL_INPUT if first else _TOOL_OUTPUT
        return _ended(kind, error.guardrail.get_name(), error.output, error)
    return None


def _ended(kind: str, name: str, output: Any, error: BaseException) -> dict[str, Any]:
    info = "" if output.output_info is None else output_text(as_json(output.output_info))
    message = f"The {kind} guardrail {name} ended the run" + (f": {info}" if info else ".")
    described = {
        "what": f"guardrail {name}",
        "step": getattr(output, "step", ""),
        "type": type(error).__name__,
        "message": message[:MAX_MESSAGE_CHARACTERS],
        "traceback": "",
    }
    return {key: storable(value) for key, value in described.items()}


@dataclass(frozen=True)
class _Question:
    """Which guardrail is asked, about whose words or which call."""

    kind: str
    name: str
    agent: str
    call_id: str = ""
    tool: str = ""

    def as_json(self) -> dict[str, Any]:
        about = {"call_id": self.call_id, "tool": self.tool} if self.call_id else {}
        return {"guardrail": self.name, "kind": self.kind, "agent": self.agent} | about


async def _said(
    question: _Question, guardrail: object, ask: Callable[[], Any]
) -> GuardrailFunctionOutput:
    scope = durable_scope()
    if scope is None:
        plain: GuardrailFunctionOutput = await plainly(ask)
        return plain
    step = _GuardrailStep(scope, question, scope.guardrail_step(guardrail))
    recorded = await step.recorded(ask, _run_output)
    if recorded["tripped"] and question.kind == _INPUT:
        scope.tripped = True
    return RecordedOutput(recorded["output_info"], recorded["tripped"], step.name)


def _run_output(output: GuardrailFunctionOutput) -> dict[str, Any]:
    info = as_json(output.output_info)
    return {"output_info": info, "tripped": bool(output.tripwire_triggered)}


def _tool_check(kind: str, name: str, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def check(data: Any) -> ToolGuardrailFunctionOutput:
        scope = durable_scope()
        if scope is None:
            plain: ToolGuardrailFunctionOutput = await plainly(lambda: function(data))
            return plain
        call_id, tool = data.context.tool_call_id, data.context.tool_name
        if kind == _TOOL_INPUT:
            # After a person was asked: on the arguments that the call is going to be made with.
            await as_people_said(scope, data.context, data.context.tool_arguments, None)
        question = _Question(kind, name, data.agent.name, call_id, tool)
        step = _GuardrailStep(scope, question, scope.around[call_id].take())
        recorded = await step.recorded(lambda: function(data), _tool_output)
        return RecordedToolOutput(recorded["output_info"], recorded["behavior"], step.name)

    return check


def _tool_output(output: ToolGuardrailFunctionOutput) -> dict[str, Any]:
    behavior: dict[str, Any] = dict(output.behavior)
    tripped = behavior["type"] == "raise_exception"
    return {"output_info": as_json(output.output_info), "tripped": tripped, "behavior": behavior}


class _GuardrailStep:
    """One check: the body of its step, and the events around it."""

    def __init__(self, scope: Scope, question: _Question, reservation: StepReservation) -> None:
        self._scope = scope
        self._question = question
        self._reservation = reservation
        self.name = scope.execution.step_name(reservation.step_id)

    async def recorded(
        self, ask: Callable[[], Any], as_record: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        """What the guardrail said, from the checkpoint if there is one."""
        execution, step_id = self._scope.execution, self._reservation.step_id

        async def body() -> dict[str, Any]:
            attempt = execution.attempt(1)
            self._emit("guardrail.started", {}, attempt)
            started = datetime.now(UTC)
            try:
                said = as_record(await plainly(ask))
            except Exception as error:
                await execution.fail(f"guardrail {self._question.name}", step_id, error)
                raise
            ended = datetime.now(UTC)
            times: dict[str, Any] = {
                "started_at": started.isoformat(),
                "ended_at": ended.isoformat(),
            }
            times |= {"duration_ms": round((ended - started).total_seconds() * 1000)}
            return said | times | {"attempt": attempt}

        recorded = await self._reservation.run_async({"name": "guardrail"}, body)
        self._emit_finished(recorded)
        return recorded

    def _emit_finished(self, recorded: dict[str, Any]) -> None:
        names = ("tripped", "started_at", "ended_at", "duration_ms")
        payload = {name: recorded[name] for name in names}
        info = recorded["output_info"]
        payload["output_info"] = None if info is None else output_text(info)[:EVENT_TEXT_LIMIT]
        if behavior := recorded.get("behavior"):
            payload["behavior"] = behavior["type"]
        self._emit("guardrail.finished", payload, recorded["attempt"])

    def _emit(self, kind: str, payload: dict[str, Any], attempt: int) -> None:
        payload = self._question.as_json() | payload
        step_id = self._reservation.step_id
        self._scope.emit(kind, payload, step_id=step_id, attempt=attempt)
