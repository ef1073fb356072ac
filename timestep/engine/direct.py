"""Runs that a process begins by itself: no queue holds them, so no dispatcher has to look."""

from __future__ import annotations

from dbos import DBOS, SetWorkflowID
from django.db.models import Q

from timestep.engine.segment import run_segment, stopped_here
from timestep.models import DIRECT_QUEUE, Segment, SegmentState
from timestep.services.database_clock import database_time


def may_take() -> bool:
    """Whether nothing has to be asked of the rows first: no limits are set, and no hold or pause.

    Where any is, or nobody has looked lately, the dispatcher takes what may begin.
    """
    stopped = stopped_here()
    if stopped is None or stopped.holds:
        return False
    return not stopped.limited and DIRECT_QUEUE not in stopped.paused


def take(run_id: str, worker_id: str) -> bool:
    """Give a run's first segment to this process, in the transaction that launches the run.

    What else must be asked of the rows is left to the dispatcher: whether a session is free.
    Given to it before, it is given again: the answer to that commit may have been lost.

    Args:
        run_id: The run.
        worker_id: This process, which the run must be reserved for.

    Returns:
        Whether the segment is to be started here; False where another has it, or it has begun.
    """
    given = Q(state=SegmentState.DISPATCHED, worker=worker_id)
    ready = Segment.objects.filter(
        Q(state=SegmentState.READY) | given,
        run_id=run_id,
        n=0,
        run__reserved_for=worker_id,
        run__queue=DIRECT_QUEUE,
        run__session_id__isnull=True,
    )
    taken = {"state": SegmentState.DISPATCHED, "worker": worker_id}
    return bool(ready.update(**taken, dispatched_at=database_time()))


def start(workflow_id: str, run_id: str, n: int) -> None:
    """Let DBOS execute a segment that the rows say is this process's; twice is once.

    Args:
        workflow_id: The segment's id.
        run_id: Its run.
        n: Its number.
    """
    with SetWorkflowID(workflow_id):
        DBOS.start_workflow(run_segment, run_id, n)
