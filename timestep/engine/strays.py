"""Strays: runs that this worker holds and that nobody in it executes.

Rare, and each way there is a race: DBOS has the workflow under the name of a worker that is gone,
or an execution found at its first step that a later one has its workflow. Whatever the reason,
a run must not stand still for ever, so it is queued to go on, or failed where it cannot.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from dbos import DBOS
from django.db import transaction
from django.db.models import F, QuerySet

from timestep.models import Run, RunStatus, Segment, SegmentKind, SegmentState
from timestep.notify import notify_dispatch
from timestep.services.ending import end_run
from timestep.services.status import record_event

logger = logging.getLogger(__name__)

# Long after a segment that was handed over has been claimed, however busy the worker is.
STRAY_SECONDS = 20.0
_ENDED_IN_DBOS = ("SUCCESS", "ERROR")


class Strays:
    """Looks for the strays of one worker, once per heartbeat.

    Args:
        worker_id: This worker.
        executing: Names the runs that execute in this process now.
    """

    def __init__(self, worker_id: str, executing: Callable[[], list[str]]) -> None:
        self._worker_id = worker_id
        self._executing = executing
        self._first_seen: dict[str, float] = {}

    def look(self) -> int:
        """Give back what has stood still since the look of `STRAY_SECONDS` ago; how many."""
        now = time.monotonic()
        found = self._held().exclude(run_id__in=self._executing())
        ids = found.values_list("segment_id", flat=True)
        self._first_seen = {one: self._first_seen.get(one, now) for one in ids}
        late = [one for one, seen in self._first_seen.items() if now - seen >= STRAY_SECONDS]
        for segment_id in late:
            self._go_on_or_fail(segment_id)
        return len(late)

    def _held(self) -> QuerySet[Segment]:
        held = (SegmentState.DISPATCHED, SegmentState.RUNNING)
        statuses = (RunStatus.QUEUED, RunStatus.RUNNING)
        return Segment.objects.filter(
            state__in=held, worker=self._worker_id, run__status__in=statuses
        )

    def _go_on_or_fail(self, segment_id: str) -> None:
        logger.warning("segment %s stands still", segment_id)
        # Asked before the transaction: on SQLite DBOS could not get past our own lock.
        found = DBOS.list_workflows(workflow_ids=[segment_id], load_input=False, load_output=False)
        ended = any(workflow.status in _ENDED_IN_DBOS for workflow in found)
        with transaction.atomic():
            segment = self._held().filter(segment_id=segment_id).first()
            if segment is None:
                return
            rows = Run.objects.select_for_update(no_key=True, skip_locked=True)
            run = rows.filter(run_id=segment.run_id).first()
            # Whoever has it locked may be at its end; else the next look finds it again.
            if run is None or run.owner not in (None, self._worker_id):
                return
            (_fail if ended else _go_on)(run, segment)
        del self._first_seen[segment_id]


def _go_on(run: Run, segment: Segment) -> None:
    Run.objects.filter(run_id=run.run_id).update(
        status=RunStatus.QUEUED, owner=None, epoch=F("epoch") + 1, executing_since=None
    )
    segment.kind, segment.state, segment.worker = SegmentKind.CONTINUE, SegmentState.READY, None
    segment.keeps_place = True
    segment.save(update_fields=["kind", "state", "worker", "keeps_place"])
    if run.status != RunStatus.QUEUED:
        record_event(run.run_id, "status", {"status": RunStatus.QUEUED})
    notify_dispatch()


def _fail(run: Run, segment: Segment) -> None:
    """DBOS has the workflow as ended, which it takes back for nobody."""
    error = {
        "what": f"run {run.run_id}",
        "step": "",
        "type": "WorkflowEnded",
        "message": "The run's workflow ended before its end was written; launch it again.",
        "traceback": "",
    }
    stopped = {"owner": None, "epoch": F("epoch") + 1, "executing_since": None}
    end_run(run.run_id, [run.status], RunStatus.FAILED, error=error, **stopped)
    Segment.objects.filter(segment_id=segment.segment_id).update(state=SegmentState.PARKED)
