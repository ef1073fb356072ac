"""What a retry of a run can do: go on, ask the model again, give more turns, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from timestep.models import Run, RunEvent, RunStatus, Segment

TOO_MANY_TURNS = "MaxTurnsExceeded"
# Errors about an answer that is recorded: a replay would meet the same one. Named as the Agents
# SDK names them, which web processes do not import.
_OF_RECORDED_ANSWERS = ("ModelBehaviorError", "ModelRefusalError")
_OF_GUARDED_ANSWERS = ("OutputGuardrailTripwireTriggered", "ToolInputGuardrailTripwireTriggered")
_OF_INPUTS = "InputGuardrailTripwireTriggered"
_OF_OUTPUTS = "ToolOutputGuardrailTripwireTriggered"

# More ids than a run took after an answer that ended it, in releases that did not count them.
_BEYOND = 4_096
_LAUNCH = "launch the run again instead"


@dataclass(frozen=True)
class RetryPlan:
    """What a retry does.

    Args:
        hindrance: Why it can do nothing; empty where it can.
        wants_turns: Whether it needs to be told a higher limit of turns.
        renews: The step whose answer is asked for again, and where the ids after it go on.
    """

    hindrance: str = ""
    wants_turns: bool = False
    renews: tuple[int, int] | None = None


def retry_plan(run: Run) -> RetryPlan:
    """What a retry of a failed or timed out run does."""
    error = run.error or {}
    kind = str(error.get("type", ""))
    if run.status != RunStatus.FAILED:
        return RetryPlan()
    if kind == _OF_INPUTS:
        return RetryPlan(
            f"A guardrail refused the input, which a retry would not change: {_LAUNCH}"
        )
    if kind == _OF_OUTPUTS:
        return RetryPlan(
            "A guardrail refused what a call gave, and a retry does not make finished calls again: "
            f"{_LAUNCH}"
        )
    if kind == TOO_MANY_TURNS:
        return _with_turns(_last(run))
    # Where a step is named, it is not recorded, and is simply done again.
    recorded = kind in _OF_RECORDED_ANSWERS and not error.get("step")
    return _renewing(_last(run)) if recorded or kind in _OF_GUARDED_ANSWERS else RetryPlan()


def _last(run: Run) -> Segment | None:
    return Segment.objects.filter(run=run).order_by("-n").first()


def _with_turns(segment: Segment | None) -> RetryPlan:
    answer = (segment and segment.failed_answer) or {}
    if answer.get("inside"):
        return RetryPlan(
            "An agent used as a tool took more turns than its as_tool(max_turns=…) allows: "
            f"change that, and {_LAUNCH}"
        )
    return RetryPlan(wants_turns=True)


def _renewing(segment: Segment | None) -> RetryPlan:
    if segment is None:
        return RetryPlan()
    answer = segment.failed_answer or _answer_in_events(segment)
    if answer.get("used"):
        return RetryPlan(
            "Calls of the answer that failed were made already, and asking the model again could "
            f"make them twice: {_LAUNCH}"
        )
    if answer.get("before"):
        return RetryPlan(
            "The answer that failed was given before people decided on its calls, and a retry "
            f"cannot ask for another: {_LAUNCH}"
        )
    if "step_id" not in answer:
        return RetryPlan()
    return RetryPlan(renews=(answer["step_id"], answer["goes_on_at"]))


def _answer_in_events(segment: Segment) -> dict[str, Any]:
    """The answer that ended a run of a release that did not keep which it was."""
    events = RunEvent.objects.filter(run_id=segment.run_id, step__startswith=f"{segment.n}.")
    answers = events.filter(kind="model.finished", payload__parent_call_id__isnull=True)
    last = answers.order_by("-seq").first()
    if last is None:
        return {"before": True} if segment.revision is not None else {}
    after = RunEvent.objects.filter(run_id=segment.run_id, seq__gt=last.seq)
    if after.filter(kind__in=("tool.started", "tool.finished")).exists():
        return {"used": True}
    step_id = int(last.step.partition(".")[2])
    return {"step_id": step_id, "goes_on_at": step_id + _BEYOND}
