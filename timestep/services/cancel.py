"""Cancelling runs."""

from __future__ import annotations

from django.db import transaction

from timestep.errors import RunNotFound, WrongStatus
from timestep.models import ACTIVE_STATUSES, Run, RunStatus, Segment, SegmentState
from timestep.notify import notify_dispatch
from timestep.services.database_clock import database_now
from timestep.services.ending import end_run
from timestep.services.status import change_status

_HELD_BY_NOBODY = (RunStatus.QUEUED, RunStatus.AWAITING_APPROVAL)


@transaction.atomic
def cancel(run_id: str, *, by: str) -> Run:
    """Cancel a run: at once where nobody executes it, else within a second by its worker.

    Args:
        run_id: The run.
        by: Who asked, for the record.

    Returns:
        The run as it stands: `cancelled`, or still `running` with `cancel_requested_at` set.

    Raises:
        RunNotFound: There is no such run.
        WrongStatus: It has ended already.
    """
    # Locked before its status is looked at: a worker may be changing it at this moment.
    run = Run.objects.select_for_update(no_key=True).filter(run_id=run_id).first()
    if run is None:
        raise RunNotFound(run_id)
    now = database_now()
    asked = {"cancel_requested_at": now, "cancelled_by": by[:200]}
    if end_run(run_id, _HELD_BY_NOBODY, RunStatus.CANCELLED, finished_at=now, **asked):
        given = (SegmentState.READY, SegmentState.DISPATCHED)
        Segment.objects.filter(run_id=run_id, state__in=given).update(state=SegmentState.ENDED)
    elif not change_status(run_id, [RunStatus.RUNNING], RunStatus.RUNNING, **asked):
        raise WrongStatus(run_id, run.status, "cancelled", ", ".join(ACTIVE_STATUSES))
    notify_dispatch()
    run.refresh_from_db()
    return run
