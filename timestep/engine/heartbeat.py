"""The heartbeat of a worker, and the sweep that takes over the runs of silent ones."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from dbos import DBOS
from django.db import Error, close_old_connections, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from sqlalchemy.exc import SQLAlchemyError

from timestep.engine.runtime import takeover_queue
from timestep.engine.sessions.writes import forget_ended
from timestep.engine.strays import Strays
from timestep.engine.writer import fold_leftovers
from timestep.models import Run, RunStatus, Segment, SegmentKind, SegmentState, Worker
from timestep.notify import notify_dispatch
from timestep.services import awaits, turns
from timestep.services.cancel import cancel
from timestep.services.status import record_events

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
_SWEEP_EVERY_BEATS = 2
# A worker silent for longer than this has lost its runs.
LEASE_SECONDS = 8.0
_TIDY_EVERY_BEATS = 60


class Heartbeat:
    """One thread of a worker: beats, sweeps, and notices when this worker was swept itself.

    Args:
        worker_id: This worker.
        on_swept: Called once when another worker has taken this one's runs over.
        strays: Runs of this worker that stand still.
    """

    def __init__(self, worker_id: str, on_swept: Callable[[], None], strays: Strays) -> None:
        self._worker_id = worker_id
        self._on_swept = on_swept
        self._strays = strays
        self._beats = 0
        self._beaten_at = time.monotonic()
        self._sweeps_from = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="timestep-heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stopping.wait(BEAT_SECONDS):
            try:
                close_old_connections()
                if not beat(self._worker_id):
                    self._on_swept()
                    break
                self._strays.look()
                self._look_after_others()
            except (Error, SQLAlchemyError) as error:
                logger.warning("the database does not answer the heartbeat: %s", error)
        connection.close()

    def _look_after_others(self) -> None:
        """Sweep, unless this worker was silent itself: then the others may have been as well."""
        now = time.monotonic()
        if now - self._beaten_at > LEASE_SECONDS / 2:
            self._sweeps_from = now + LEASE_SECONDS
        self._beaten_at = now
        if now < self._sweeps_from:
            return
        self._beats += 1
        if self._beats % _SWEEP_EVERY_BEATS == 0:
            sweep_silent(self._worker_id)
            sweep_late(self._worker_id)
        if self._beats % _TIDY_EVERY_BEATS == 0:
            fold_leftovers()
            forget_ended()
            turns.forget()
            awaits.forget()


def beat(worker_id: str) -> bool:
    """Say that this worker lives, by the database's clock; False if it was swept."""
    mine = Worker.objects.filter(worker_id=worker_id, swept_by__isnull=True)
    return bool(mine.update(heartbeat_at=Now()))


def sweep_silent(worker_id: str) -> int:
    """Take over the runs of workers that are silent for longer than the lease.

    Args:
        worker_id: The worker that sweeps.

    Returns:
        How many workers were swept.
    """
    gone = Q(stopped_at__isnull=False) | Q(
        heartbeat_at__lt=Now() - timedelta(seconds=LEASE_SECONDS)
    )
    silent = Worker.objects.filter(gone, swept_by__isnull=True).exclude(worker_id=worker_id)
    return sum(sweep(lost, worker_id) for lost in silent.values_list("worker_id", flat=True))


def sweep(lost: str, worker_id: str) -> int:
    """Take over the runs of one worker that is known to be gone.

    The claim of the worker's row is a compare and swap, so one sweeper does it.

    Args:
        lost: The worker that is gone.
        worker_id: The worker that sweeps.

    Returns:
        1 if this caller was the one to do it, else 0.
    """
    started = _started_in_dbos(lost)
    with transaction.atomic():
        rows = Worker.objects.filter(worker_id=lost, swept_by__isnull=True)
        if not rows.update(swept_by=worker_id):
            return 0
        _take_over_running(Worker.objects.get(worker_id=lost), worker_id)
        _give_back_dispatched(lost, started)
        # What it kept for itself is for whoever can execute it now.
        Run.objects.filter(reserved_for=lost).update(reserved_for=None)
        notify_dispatch()
    DBOS.delete_queue(takeover_queue(lost))
    return 1


def sweep_late(worker_id: str) -> int:
    """Give back what a swept worker took in the moment of being swept.

    Args:
        worker_id: The worker that sweeps.

    Returns:
        How many swept workers still held segments.
    """
    swept = Worker.objects.filter(swept_by__isnull=False).values("worker_id")
    late = Segment.objects.filter(
        state=SegmentState.DISPATCHED,
        dispatched_at__lt=Now() - timedelta(seconds=LEASE_SECONDS),
        worker__in=swept,
    ).exclude(worker=worker_id)
    holders = {segment.worker for segment in late if segment.worker is not None}
    for lost in holders:
        _give_back_dispatched(lost, _started_in_dbos(lost))
        Run.objects.filter(reserved_for=lost).update(reserved_for=None)
        notify_dispatch()
    return len(holders)


def _started_in_dbos(lost: str) -> set[str]:
    """Workflows that DBOS started there whose rows may not say so yet.

    Asked before our transactions: on SQLite DBOS could not get past our own lock.
    """
    pending = DBOS.list_workflows(
        executor_id=lost, status="PENDING", load_input=False, load_output=False
    )
    return {workflow.workflow_id for workflow in pending}


def _take_over_running(lost: Worker, worker_id: str) -> None:
    silent_s = (timezone.now() - lost.heartbeat_at).total_seconds()
    what = {"worker": lost.worker_id, "silent_s": round(silent_s, 1), "resumed_on": worker_id}
    what["stopped"] = lost.stopped_at is not None
    runs = Run.objects.select_for_update(no_key=True)
    for run in runs.filter(owner=lost.worker_id, status=RunStatus.RUNNING):
        executed = timezone.now() - (run.executing_since or timezone.now())
        counted = max(0.0, executed.total_seconds() - silent_s)
        Run.objects.filter(run_id=run.run_id).update(
            owner=None,
            epoch=F("epoch") + 1,
            status=RunStatus.QUEUED,
            executing_since=None,
            executing_ms=F("executing_ms") + round(counted * 1000),
            takeovers=F("takeovers") + 1,
        )
        Segment.objects.filter(run_id=run.run_id, state=SegmentState.RUNNING).update(
            state=SegmentState.READY, kind=SegmentKind.CONTINUE, worker=None, keeps_place=True
        )
        lost_it = ("worker.lost", what)
        record_events(run.run_id, lost_it, ("status", {"status": RunStatus.QUEUED}))
        if run.cancel_requested_at is not None:
            cancel(run.run_id, by=run.cancelled_by)


def _give_back_dispatched(lost: str, in_dbos: set[str]) -> None:
    """Segments handed over there that never claimed their run: what DBOS knows goes on there."""
    given = Segment.objects.filter(worker=lost, state=SegmentState.DISPATCHED)
    known = given.filter(kind=SegmentKind.CONTINUE) | given.filter(segment_id__in=in_dbos)
    back = {"state": SegmentState.READY, "worker": None}
    known.update(kind=SegmentKind.CONTINUE, keeps_place=True, **back)
    # Admitted, but DBOS has never heard of them: their first start is still to come. Of that the
    # queue's rate is asked anew, so it keeps no place.
    given.filter(kind=SegmentKind.RESUME).update(keeps_place=True, **back)
    given.update(**back)
