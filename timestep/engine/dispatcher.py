"""The dispatcher: hands ready segments to DBOS and brings cancels to their executions."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace

from dbos import DBOS
from dbos import error as dbos_error
from django.db import Error, connection, transaction
from django.db.models import QuerySet
from sqlalchemy.exc import SQLAlchemyError

from timestep.engine import admission
from timestep.engine.admission import Taker
from timestep.engine.direct import start
from timestep.engine.execution import Abort
from timestep.engine.executions import Executions
from timestep.engine.fitness import Fitness
from timestep.engine.looks import Look, look
from timestep.engine.threads import patient_connection
from timestep.engine.turn_line import KNOWN_LIMITS
from timestep.engine.wakeups import Wakeup
from timestep.models import (
    Run,
    RunStatus,
    Segment,
    SegmentKind,
    SegmentState,
    Worker,
    WorkerKind,
)
from timestep.services.database_clock import database_time
from timestep.services.workers import taking_workers

logger = logging.getLogger(__name__)

# The net under the notifications: how long a missed one can matter.
SLOW_POLL_SECONDS = 1.0
_AFTER_ERROR_SECONDS = 1.0
_BREATH_SECONDS = 0.02
_LONGEST_PASS_SECONDS = 5.0


class Dispatcher:
    """One thread of a worker.

    Args:
        worker: This worker's row.
        takeover_queue: The DBOS queue that only this worker listens to.
        executions: What executes in this process.
        fitness: Which specs it can build.
        wakeup: What tells of changed rows.
    """

    def __init__(
        self,
        worker: Worker,
        takeover_queue: str,
        executions: Executions,
        fitness: Fitness,
        wakeup: Wakeup,
    ) -> None:
        self._worker_id = worker.worker_id
        self._is_script = worker.kind == WorkerKind.SCRIPT
        self._queues = frozenset(worker.queues)
        self._takeover_queue = takeover_queue
        self._fitness = fitness
        self._executions = executions
        self._wakeup = wakeup
        self._admitted: list[Segment] = []
        self._stopping = threading.Event()
        self._passing = threading.Lock()
        self._ends = False
        self._thread = threading.Thread(target=self._run, name="timestep-dispatch", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Look at the rows now; from any thread."""
        self._wakeup.wake()

    def drain(self) -> None:
        """Take nothing new, since the process ends; waits for the pass under way.

        Goes on looking: what still executes here must hear of cancels and holds.
        """
        passed = self._passing.acquire(timeout=_LONGEST_PASS_SECONDS)
        self._ends = True
        if passed:
            self._passing.release()

    def take_own(self) -> bool:
        """Begin what lives in this script alone, although the process ends; whether any did.

        Nobody else could, and its next start may reach its end as quickly as this one.
        """
        with self._passing:
            try:
                patient_connection()
                seen = look(self._worker_id)
                if seen.stopped.everything or not seen.specs:
                    return False
                ending = replace(seen, stopped=replace(seen.stopped, draining=True))
                return self._hand_over(self._taker(ending)) > 0
            except (Error, SQLAlchemyError, dbos_error.DBOSException) as error:
                logger.warning("the database does not answer the dispatcher: %s", error)
                return False

    def stop(self) -> None:
        """End the thread; waits for the pass under way."""
        self._stopping.set()
        self._wakeup.wake()
        self._thread.join(timeout=_LONGEST_PASS_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                patient_connection()
                with self._passing:
                    wait = self._pass()
            except (Error, SQLAlchemyError, dbos_error.DBOSException) as error:
                logger.warning("the database does not answer the dispatcher: %s", error)
                wait = _AFTER_ERROR_SECONDS
            if wait > 0:
                self._wakeup.wait(wait)
        connection.close()
        self._wakeup.close()

    def _pass(self) -> float:
        """One look at the rows; returns how long to wait for the next, 0 if there was work."""
        self._bring_cancels()
        looked_at = time.monotonic()
        seen = look(self._worker_id)
        self._executions.holds.tell(seen.stopped, looked_at)
        KNOWN_LIMITS.tell(seen.limits, looked_at)
        if not self._admitted and (not seen.specs or self._takes_nothing(seen)):
            return SLOW_POLL_SECONDS
        taker = self._taker(seen)
        if handed_over := self._hand_over(taker):
            # The next look costs what the claims need now: it can wait, unless more must be there.
            if handed_over < admission.BATCH:
                self._stopping.wait(_BREATH_SECONDS)
            return 0
        opens = admission.seconds_until_room(taker)
        return SLOW_POLL_SECONDS if opens is None else min(SLOW_POLL_SECONDS, opens + 0.001)

    def _bring_cancels(self) -> None:
        here = self._executions.run_ids()
        if here:
            asked = Run.objects.filter(
                run_id__in=here, status=RunStatus.RUNNING, cancel_requested_at__isnull=False
            )
            for run_id in asked.values_list("run_id", flat=True):
                self._executions.stop(run_id, Abort("cancelled"))

    def _takes_nothing(self, seen: Look) -> bool:
        drains = seen.stopped.draining and not self._is_script
        return self._ends or drains or seen.stopped.everything

    def _taker(self, seen: Look) -> Taker:
        own_only = self._is_script and taking_workers().exists()
        unbuildable = self._fitness.unbuildable(seen.specs)
        at_home, of_programs = self._fitness.at_home(), self._fitness.of_programs()
        return Taker(
            self._worker_id,
            own_only,
            unbuildable,
            at_home,
            of_programs,
            seen.stopped,
            self._queues,
            seen.capped,
        )

    def _hand_over(self, taker: Taker) -> int:
        """Admit what may go on or start, then give it to DBOS; returns how much.

        In this order, so that the rows say whose a segment is before DBOS has it: what a crash
        leaves between the two is found by the sweeper.
        """
        self._admitted = (
            self._admitted
            or self._admit_going_on(admission.resumes(taker))
            or self._admit_going_on(admission.continuations(taker))
            or self._admit_starts(taker)
        )
        count = len(self._admitted)
        while self._admitted:
            # Kept until DBOS has it: an error here must not leave it admitted and forgotten.
            self._give(self._admitted[0])
            self._admitted.pop(0)
        return count

    def _admit_going_on(self, ready: QuerySet[Segment]) -> list[Segment]:
        # Looked at outside first: on SQLite a transaction takes the file's only write lock.
        if connection.vendor == "sqlite" and not ready.exists():
            return []
        with transaction.atomic():
            if connection.vendor == "postgresql":
                ready = ready.select_for_update(skip_locked=True, of=("self",))
            return self._marked(list(ready))

    def _admit_starts(self, taker: Taker) -> list[Segment]:
        if not admission.anything_waits(taker):
            return []
        with transaction.atomic():
            return self._marked(admission.startable(taker))

    def _give(self, segment: Segment) -> None:
        if segment.kind == SegmentKind.CONTINUE:
            try:
                DBOS.resume_workflows([segment.segment_id], queue_name=self._takeover_queue)
                return
            except dbos_error.DBOSNonExistentWorkflowError:
                pass  # Its worker died before DBOS heard of it.
        start(segment.segment_id, segment.run_id, segment.n)

    def _marked(self, segments: list[Segment]) -> list[Segment]:
        """The segments, once their rows say that this worker has them."""
        marked = []
        for segment in segments:
            # A retry or a takeover is no start: rate windows count the time of the first one.
            first = segment.dispatched_at if segment.kind == SegmentKind.CONTINUE else None
            # Still ready: somebody may have cancelled the run meanwhile.
            ready = Segment.objects.filter(segment_id=segment.segment_id, state=SegmentState.READY)
            if ready.update(
                state=SegmentState.DISPATCHED,
                worker=self._worker_id,
                dispatched_at=first or database_time(),
                keeps_place=False,
            ):
                marked.append(segment)
        return marked
