"""Resuming interrupted runs once people have decided."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from timestep.errors import AlreadyResumed, InvalidInput, RunNotFound, WrongStatus
from timestep.gate import approval_gate
from timestep.ids import segment_id
from timestep.models import Run, RunStatus, Segment, SegmentKind, ToolStart
from timestep.notify import notify_dispatch
from timestep.services.database_clock import database_now
from timestep.services.ending import end_run
from timestep.services.retry import make_ready
from timestep.services.states import save_resumed
from timestep.services.status import change_status, record_event

OUTCOMES = ("happened", "run_again", "fail")


@transaction.atomic
def resume(run_id: str, revision: int, decisions: list[dict[str, Any]]) -> Segment:
    """Make the segment that resumes an interrupted run, in the caller's transaction.

    Args:
        run_id: The run.
        revision: The saved state to start from; each revision is resumed once.
        decisions: One `{"call_id": str, "approve": bool, "reason": str}` per pending call. An
            approval may bind the call: `digest` of the arguments that it is made with, and where a
            person edited them, those `arguments` as JSON text and the digest of the `proposed`.
            `expired` says that no person rejected the call: the time to decide was over.

    Returns:
        The new segment, or the earlier one when the same decisions were given before.

    Raises:
        RunNotFound: There is no such run.
        WrongStatus: The run is not awaiting approval.
        AlreadyResumed: The revision was resumed with other decisions.
    """
    run, segments = _locked(run_id)
    earlier = _resumed(segments, revision)
    if earlier is not None:
        return _same_or_refuse(earlier, decisions)
    return _new_segment(run, len(segments), revision, decisions)


@transaction.atomic
def resume_by_program(
    run_id: str,
    revision: int,
    decisions: list[dict[str, Any]],
    *,
    state: dict[str, Any],
    by: str,
) -> Segment:
    """Make the segment that resumes an interrupted run as a program decided.

    Whoever keeps approvals is told in the same transaction. What people had decided before on
    calls that the program left open counts as well; what nobody decided is asked again, under
    the next revision.

    Args:
        run_id: The run.
        revision: The saved state that the program loaded; each revision is resumed once.
        decisions: One `{"call_id", "approve", "reason", "always"}` per call that it decided.
        state: `RunState.to_json()` with these decisions in it: the segment starts from this.
        by: The program, for the record.

    Returns:
        The new segment, or the earlier one when the same decisions were given before.

    Raises:
        RunNotFound: There is no such run.
        InvalidInput: Nothing is decided.
        WrongStatus: The run is not awaiting approval.
        AlreadyResumed: The revision was resumed with other decisions.
    """
    if not decisions:
        raise InvalidInput("state", "decides nothing: approve or reject at least one pending call")
    run, segments = _locked(run_id)
    earlier = _resumed(segments, revision)
    if earlier is not None:
        return _same_or_refuse(earlier, decisions)
    marked = [decision | {"by_program": True} for decision in decisions]
    standing = approval_gate().decided(run_id, revision, decisions, by)
    segment = _new_segment(run, len(segments), revision, marked + standing)
    save_resumed(run, revision, state)
    return segment


def _locked(run_id: str) -> tuple[Run, list[Segment]]:
    """The run, locked, and its segments."""
    # Asked for what it needs only: every decision waits for this.
    wanted = ("run_id", "status", "revision", "session_id", "session_spec", "agent", "spec_id")
    rows = Run.objects.select_for_update(no_key=True).only(*wanted)
    run = rows.filter(run_id=run_id).first()
    if run is None:
        raise RunNotFound(run_id)
    return run, list(Segment.objects.filter(run=run))


def _resumed(segments: list[Segment], revision: int) -> Segment | None:
    return next((segment for segment in segments if segment.revision == revision), None)


def _new_segment(run: Run, n: int, revision: int, decisions: list[dict[str, Any]]) -> Segment:
    awaiting = RunStatus.AWAITING_APPROVAL
    if run.revision != revision or not change_status(run.run_id, [awaiting], RunStatus.QUEUED):
        raise WrongStatus(run.run_id, run.status, "resumed", awaiting)
    segment = Segment.objects.create(
        segment_id=segment_id(run.run_id, n),
        run=run,
        n=n,
        kind=SegmentKind.RESUME,
        revision=revision,
        decisions=decisions,
        created_at=database_now(),
    )
    record_event(run.run_id, "status", {"status": RunStatus.QUEUED})
    notify_dispatch()
    return segment


def _same_or_refuse(earlier: Segment, decisions: list[dict[str, Any]]) -> Segment:
    """The segment that the revision was resumed by, if it was by these decisions."""
    kept: list[dict[str, Any]] = earlier.decisions
    by_program = [decision for decision in kept if decision.get("by_program")]
    if _verdicts(by_program or kept) != _verdicts(decisions):
        raise AlreadyResumed(earlier.run_id, earlier.revision or 0)
    return earlier


def _verdicts(decisions: list[dict[str, Any]]) -> dict[str, tuple[bool, str, bool, str]]:
    """What was decided of each call, whoever decided and in whatever order."""
    return {
        decision["call_id"]: (
            decision["approve"],
            decision.get("reason", ""),
            decision.get("always", False),
            decision.get("arguments", ""),
        )
        for decision in decisions
    }


@transaction.atomic
def resolve_outcome(run_id: str, call_id: str, outcome: str, result: str = "") -> None:
    """Record what a person says of a tool call whose outcome nobody knows.

    Args:
        run_id: The run.
        call_id: The call that was in flight when its worker died.
        outcome: `happened` (use `result` as its output), `run_again`, or `fail` the run.
        result: What the tool returned, for `happened`.

    Raises:
        InvalidInput: The outcome is none of the three, or no such call waits.
    """
    if outcome not in OUTCOMES:
        raise InvalidInput("outcome", f"use one of {', '.join(OUTCOMES)}")
    # Locked: of two last answers given at once, the later must see the earlier.
    Run.objects.select_for_update(no_key=True).filter(run_id=run_id).first()
    waiting = ToolStart.objects.filter(
        run_id=run_id, unknown_at__isnull=False, resolution__isnull=True
    )
    start = waiting.filter(call_id=call_id).first()
    if start is None:
        raise InvalidInput("call_id", "no call with this id waits for an answer in this run")
    if outcome == "fail":
        _fail(start)
        return
    start.resolution = {"outcome": outcome, "result": result}
    start.save(update_fields=["resolution"])
    awaiting = [RunStatus.AWAITING_APPROVAL]
    if not waiting.exists() and change_status(run_id, awaiting, RunStatus.QUEUED):
        record_event(run_id, "status", {"status": RunStatus.QUEUED})
        make_ready(run_id)


def _fail(start: ToolStart) -> None:
    """Fail the run on a person's word; a later retry asks about the call again."""
    error = {
        "what": f"tool {start.tool}",
        "step": f"{start.segment.rpartition(':')[2]}.{start.step}",
        "type": "OutcomeUnknown",
        "message": f"The outcome of {start.tool} is unknown, and a person chose to fail the run.",
        "traceback": "",
    }
    end_run(start.run_id, [RunStatus.AWAITING_APPROVAL], RunStatus.FAILED, error=error)
