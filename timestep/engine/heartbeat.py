"""The heartbeat of a worker, and the sweep that takes over the runs of silent ones."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from dbos import DBOS
from django.db import Error, OperationalError, close_old_connections, connection, transaction
from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Now
from sqlalchemy.exc import SQLAlchemyError

from timestep.engine.births import is_dead
from timestep.engine.lease import LEASE_SECONDS, Lease, elapsed
from timestep.engine.runtime import takeover_queue
from timestep.engine.server_sessions import end_sessions
from timestep.engine.sessions.writes import forget_ended
from timestep.engine.strays import Strays
from timestep.engine.threads import patient_connection
from timestep.engine.writer import fold_leftovers
from timestep.models import Run, RunStatus, Segment, SegmentKind, SegmentState, Worker
from timestep.notify import notify_dispatch
from timestep.postgres import is_locked
from timestep.services import awaits, turns
from timestep.services.cancel import cancel
from timestep.services.database_clock import database_now
from timestep.services.status import record_events

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
_SWEEP_EVERY_BEATS = 2
_TIDY_EVERY_BEATS = 60


class Heartbeat:
    """Two threads of a worker. One beats, and notices when this worker was swept itself; the other
    looks after what stands still, here and elsewhere, and so may have to wait for others.

    Args:
        worker_id: This worker.
        lease: Its lease, which each beat renews.
        on_swept: Called once when another worker has taken this one's runs over.
        strays: Runs of this worker that stand still.
    """

    def __init__(
        self, worker_id: str, lease: Lease, on_swept: Callable[[], None], strays: Strays
    ) -> None:
        self._worker_id = worker_id
        self._lease = lease
        self._on_swept = on_swept
        self._strays = strays
        self._looks = 0
        self._looked_at = elapsed()
        self._sweeps_from = 0.0
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=body, name=f"timestep-{name}", daemon=True)
            for name, body in (("heartbeat", self._beat), ("sweep", self._look_after_all))
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=5)

    def _beat(self) -> None:
        while not self._stopping.wait(BEAT_SECONDS):
            try:
                close_old_connections()
                if not self._lease.renew():
                    self._stopping.set()
                    self._on_swept()
            except Error as error:
                logger.warning("the database does not answer the heartbeat: %s", error)
        connection.close()

    def _look_after_all(self) -> None:
        while not self._stopping.wait(BEAT_SECONDS):
            try:
                patient_connection()
                self._strays.look()
                self._look_after_others()
            except (Error, SQLAlchemyError) as error:
                logger.warning("the database does not answer the sweep: %s", error)
        connection.close()

    def _look_after_others(self) -> None:
        """Sweep, unless this worker was silent itself: then the others may have been as well."""
        now = elapsed()
        if now - self._looked_at > LEASE_SECONDS / 2:
            self._sweeps_from = now + LEASE_SECONDS
        self._looked_at = now
        if now < self._sweeps_from:
            return
        self._looks += 1
        if self._looks % _SWEEP_EVERY_BEATS == 0:
            sweep_silent(self._worker_id)
            sweep_late(self._worker_id)
        if self._looks % _TIDY_EVERY_BEATS == 0:
            fold_leftovers()
            forget_ended()
            turns.forget()
            awaits.forget()


def _gone() -> Q:
    """The condition on workers that have stopped, or are silent for longer than the lease."""
    silent = Q(heartbeat_at__lt=Now() - timedelta(seconds=LEASE_SECONDS))
    return Q(stopped_at__isnull=False) | silent


def sweep_silent(worker_id: str) -> int:
    """Take over the runs of workers that are dead, or silent for longer than the lease.

    Args:
        worker_id: The worker that sweeps.

    Returns:
        How many workers were swept.
    """
    others = Worker.objects.filter(swept_by__isnull=True).exclude(worker_id=worker_id)
    found = list(others.annotate(gone=ExpressionWrapper(_gone(), BooleanField())))
    swept = sum(sweep(one.worker_id, worker_id, _gone()) for one in found if one.gone)
    dead = [one for one in found if not one.gone and is_dead(one)]
    return swept + sum(sweep(one.worker_id, worker_id) for one in dead)


def sweep(lost: str, worker_id: str, known: Q | None = None) -> int:
    """Take over the runs of one worker that is known to be gone.

    The claim of the worker's row is a compare and swap, so one sweeper does it. The runs come
    after it, one by one: what somebody else has locked is left to `sweep_late`.

    Args:
        lost: The worker that is gone.
        worker_id: The worker that sweeps.
        known: What must still be so of its row when it is claimed: it may have come back.

    Returns:
        1 if this caller was the one to do it, else 0.
    """
    started = _started_in_dbos(lost)
    worker = Worker.objects.get(worker_id=lost)
    # Before its row is claimed, which a transaction of its own may hold.
    end_sessions(worker)
    if not _claim(lost, worker_id, known or Q()):
        return 0
    _take_over(worker, worker_id, started)
    DBOS.delete_queue(takeover_queue(lost))
    return 1


@transaction.atomic
def _claim(lost: str, worker_id: str, known: Q) -> bool:
    rows = Worker.objects.filter(known, worker_id=lost, swept_by__isnull=True)
    if rows.select_for_update(no_key=True, skip_locked=True).first() is None:
        return False
    return bool(rows.update(swept_by=worker_id))


def sweep_late(worker_id: str) -> int:
    """Give back what a swept worker still has: taken in that moment, or locked during the sweep.

    Args:
        worker_id: The worker that sweeps.

    Returns:
        How many swept workers still held something.
    """
    swept = Worker.objects.filter(swept_by__isnull=False).exclude(worker_id=worker_id)
    names = swept.values("worker_id")
    late = Segment.objects.filter(
        state=SegmentState.DISPATCHED,
        dispatched_at__lt=Now() - timedelta(seconds=LEASE_SECONDS),
        worker__in=names,
    )
    owned = Run.objects.filter(status=RunStatus.RUNNING, owner__in=names)
    kept = Run.objects.filter(status=RunStatus.QUEUED, reserved_for__in=names)
    holders = {segment.worker for segment in late}
    holders |= {run.owner for run in owned} | {run.reserved_for for run in kept}
    for lost in swept.filter(worker_id__in=holders):
        _take_over(lost, worker_id, _started_in_dbos(lost.worker_id))
    return len(holders)


def _started_in_dbos(lost: str) -> set[str]:
    """Workflows that DBOS started there whose rows may not say so yet.

    Asked before our transactions: on SQLite DBOS could not get past our own lock.
    """
    pending = DBOS.list_workflows(
        executor_id=lost, status="PENDING", load_input=False, load_output=False
    )
    return {workflow.workflow_id for workflow in pending}


def _take_over(lost: Worker, worker_id: str, started: Collection[str]) -> None:
    """Let others go on with what a swept worker had; what is locked stays for another time."""
    owned = Run.objects.filter(owner=lost.worker_id, status=RunStatus.RUNNING)
    for run_id in list(owned.values_list("run_id", flat=True)):
        try:
            _take_over_running(run_id, lost, worker_id)
        except OperationalError as error:
            if not is_locked(error):
                raise
    _give_back_dispatched(lost.worker_id, started)
    with transaction.atomic():
        # What it kept for itself is for whoever can execute it now.
        kept = _free(Run.objects.filter(reserved_for=lost.worker_id))
        kept.update(reserved_for=None)
    notify_dispatch()


def _free(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Those of the rows that nobody else has locked; they are now, for this transaction."""
    locked = rows.select_for_update(no_key=True, skip_locked=True)
    return rows.filter(pk__in=list(locked.values_list("pk", flat=True)))


@transaction.atomic
def _take_over_running(run_id: str, lost: Worker, worker_id: str) -> None:
    rows = Run.objects.filter(run_id=run_id, owner=lost.worker_id, status=RunStatus.RUNNING)
    run = rows.select_for_update(no_key=True, skip_locked=True).first()
    if run is None:
        return
    now = database_now()
    silent_s = (now - lost.heartbeat_at).total_seconds()
    what = {"worker": lost.worker_id, "silent_s": round(silent_s, 1), "resumed_on": worker_id}
    what["stopped"] = lost.stopped_at is not None
    executed = now - (run.executing_since or now)
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


@transaction.atomic
def _give_back_dispatched(lost: str, in_dbos: Collection[str]) -> None:
    """Segments handed over there that never claimed their run: what DBOS knows goes on there."""
    given = _free(Segment.objects.filter(worker=lost, state=SegmentState.DISPATCHED))
    known = given.filter(kind=SegmentKind.CONTINUE) | given.filter(segment_id__in=in_dbos)
    back = {"state": SegmentState.READY, "worker": None}
    known.update(kind=SegmentKind.CONTINUE, keeps_place=True, **back)
    # Admitted, but DBOS has never heard of them: their first start is still to come. Of that the
    # queue's rate is asked anew, so it keeps no place.
    given.filter(kind=SegmentKind.RESUME).update(keeps_place=True, **back)
    given.update(**back)
