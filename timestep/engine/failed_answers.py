"""Answers of the model that are recorded and end their run: a retry asks for another.

What is recorded is replayed, so a retry would fail the same way for ever. Which answer it was, and
from which step id on its loop may go on without meeting anything that followed from it, is kept
with the segment; `timestep.services.retry` lets the next execution take those ids.
"""

from __future__ import annotations

from typing import Any

from agents import (
    MaxTurnsExceeded,
    ModelBehaviorError,
    ModelRefusalError,
    OutputGuardrailTripwireTriggered,
    ToolInputGuardrailTripwireTriggered,
)
from dbos import StepReservation

from timestep.engine.execution import Scope

_OF_ANSWERS = (
    ModelBehaviorError,
    ModelRefusalError,
    OutputGuardrailTripwireTriggered,
    ToolInputGuardrailTripwireTriggered,
)


def take_model_step(scope: Scope) -> StepReservation:
    """The step of the next answer: past those that retries have asked for again."""
    step = scope.ids.take()
    while (goes_on_at := scope.execution.renewed_steps.get(step.step_id)) is not None:
        while step.step_id < goes_on_at:
            step = scope.ids.take()
    return step


def note(scope: Scope, error: BaseException) -> None:
    """Keep which answer it was that ended a run of the loop, the innermost one first."""
    execution = scope.execution
    if execution.failed_answer is None or execution.failed_answer[0] is not error:
        execution.failed_answer = (error, _answer(scope, error))


def _answer(scope: Scope, error: BaseException) -> dict[str, Any] | None:
    inside = scope.parent_call_id is not None
    if isinstance(error, MaxTurnsExceeded):
        return {"inside": inside}
    if not isinstance(error, _OF_ANSWERS):
        return None
    if scope.answer is None:
        return {"before": True}
    if scope.answer_used:
        return {"used": True}
    return {"step_id": scope.answer, "goes_on_at": scope.ids.last + 1}
