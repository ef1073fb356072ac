"""Retrying a failed run from the step that failed."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from timestep.errors import DuplicateRun, RunNotFound, WrongStatus
from timestep.models import ACTIVE_STATUSES, Run, RunStatus, Segment, SegmentKind, SegmentState
from timestep.notify import notify_dispatch
from timestep.services.status import change_status, record_events

RETRYABLE = (RunStatus.FAILED, RunStatus.TIMED_OUT)


def retry(run_id: str, *, by: str) -> Run:
    """Continue a failed or timed out run where it stopped: finished steps are not done again.

    Args:
        run_id: The run.
        by: Who asked, for the record.

    Returns:
        The run, queued again under the same id, with the executing time starting at zero.

    Raises:
        RunNotFound: There is no such run.
        WrongStatus: It has not failed or timed out.
        DuplicateRun: Another run holds its deduplication id by now.
    """
    run = Run.objects.filter(run_id=run_id).first()
    if run is None:
        raise RunNotFound(run_id)
    try:
        with transaction.atomic():
            return _retried(run, by)
    except IntegrityError:
        holder = Run.objects.filter(dedup_id=run.dedup_id, status__in=ACTIVE_STATUSES).first()
        if run.dedup_id is None or holder is None:
            raise
        raise DuplicateRun(run.dedup_id, holder.run_id) from None


def _retried(run: Run, by: str) -> Run:
    fresh = {"error": None, "finished_at": None, "executing_ms": 0, "cancel_requested_at": None}
    if not change_status(run.run_id, RETRYABLE, RunStatus.QUEUED, **fresh):
        run.refresh_from_db()
        raise WrongStatus(run.run_id, run.status, "retried", " or ".join(RETRYABLE))
    make_ready(run.run_id)
    retried = ("run.retried", {"by": by[:200]})
    record_events(run.run_id, retried, ("status", {"status": RunStatus.QUEUED}))
    run.refresh_from_db()
    return run


def make_ready(run_id: str) -> None:
    """Let the dispatcher continue the run's last segment, whose DBOS workflow is parked."""
    last = Segment.objects.filter(run_id=run_id).order_by("-n").first()
    if last is None:
        raise RunNotFound(run_id)
    last.kind, last.state = SegmentKind.CONTINUE, SegmentState.READY
    last.worker, last.keeps_place = None, False
    last.save(update_fields=["kind", "state", "worker", "keeps_place"])
    notify_dispatch()
