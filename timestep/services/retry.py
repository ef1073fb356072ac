"""Retrying a failed run from the step that failed."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from timestep.errors import DuplicateRun, InvalidInput, RetryHindered, RunNotFound, WrongStatus
from timestep.models import ACTIVE_STATUSES, Run, RunStatus, Segment, SegmentKind, SegmentState
from timestep.notify import notify_dispatch
from timestep.services.launch import checked_turns
from timestep.services.retry_plans import RetryPlan, retry_plan
from timestep.services.status import change_status, record_events

RETRYABLE = (RunStatus.FAILED, RunStatus.TIMED_OUT)


def retry(run_id: str, *, by: str, max_turns: int | None = None) -> Run:
    """Continue a failed or timed out run where it stopped: finished steps are not done again.

    Where what failed is the model's last answer itself, the model is asked for another.

    Args:
        run_id: The run.
        by: Who asked, for the record.
        max_turns: How many turns the run may take from now on, counted from its beginning; None
            for as many as before. Needed where it failed for lack of turns.

    Returns:
        The run, queued again under the same id, with the executing time starting at zero.

    Raises:
        RunNotFound: There is no such run.
        WrongStatus: It has not failed or timed out.
        InvalidInput: `max_turns` is needed, or allows no turn more than before.
        RetryHindered: No retry could end otherwise; it says why.
        DuplicateRun: Another run holds its deduplication id by now.
    """
    run = Run.objects.filter(run_id=run_id).first()
    if run is None:
        raise RunNotFound(run_id)
    try:
        with transaction.atomic():
            return _retried(run, by, max_turns)
    except IntegrityError:
        holder = Run.objects.filter(dedup_id=run.dedup_id, status__in=ACTIVE_STATUSES).first()
        if run.dedup_id is None or holder is None:
            raise
        raise DuplicateRun(run.dedup_id, holder.run_id) from None


def read_turns(written: str) -> int | None:
    """A limit of turns as a person wrote it; None for nothing. Raises InvalidInput."""
    if not written.strip():
        return None
    try:
        return int(written)
    except ValueError:
        raise InvalidInput("max_turns", "use a whole number") from None


def _retried(run: Run, by: str, max_turns: int | None) -> Run:
    fresh: dict[str, Any] = {
        "error": None,
        "finished_at": None,
        "executing_ms": 0,
        "cancel_requested_at": None,
    }
    fresh |= {} if max_turns is None else {"max_turns": max_turns}
    plan = _checked_plan(run, max_turns) if run.status in RETRYABLE else RetryPlan()
    if not change_status(run.run_id, RETRYABLE, RunStatus.QUEUED, **fresh):
        run.refresh_from_db()
        raise WrongStatus(run.run_id, run.status, "retried", " or ".join(RETRYABLE))
    make_ready(run.run_id)
    _prepare(run.run_id, plan, max_turns)
    more: dict[str, Any] = {} if max_turns is None else {"max_turns": max_turns}
    retried = ("run.retried", {"by": by[:200]} | more)
    record_events(run.run_id, retried, ("status", {"status": RunStatus.QUEUED}))
    run.refresh_from_db()
    return run


def _checked_plan(run: Run, max_turns: int | None) -> RetryPlan:
    plan = retry_plan(run)
    if plan.hindrance:
        raise RetryHindered(run.run_id, plan.hindrance)
    if max_turns is not None:
        if checked_turns(max_turns) <= run.max_turns:
            raise InvalidInput("max_turns", f"allow more than the {run.max_turns} that it had")
    elif plan.wants_turns:
        raise InvalidInput(
            "max_turns", f"the run used its {run.max_turns} turns: say how many it may take in all"
        )
    return plan


def _prepare(run_id: str, plan: RetryPlan, max_turns: int | None) -> None:
    """Let the segment that goes on know what is different this time."""
    last = Segment.objects.filter(run_id=run_id).order_by("-n").first()
    if last is None:
        raise RunNotFound(run_id)
    last.failed_answer = None
    last.max_turns = last.max_turns if max_turns is None else max_turns
    if plan.renews is not None:
        step_id, goes_on_at = plan.renews
        last.renewed_steps = {**last.renewed_steps, str(step_id): goes_on_at}
    last.save(update_fields=["failed_answer", "max_turns", "renewed_steps"])


def make_ready(run_id: str) -> None:
    """Let the dispatcher continue the run's last segment, whose DBOS workflow is parked."""
    last = Segment.objects.filter(run_id=run_id).order_by("-n").first()
    if last is None:
        raise RunNotFound(run_id)
    last.kind, last.state = SegmentKind.CONTINUE, SegmentState.READY
    last.worker, last.keeps_place = None, False
    last.save(update_fields=["kind", "state", "worker", "keeps_place"])
    notify_dispatch()
