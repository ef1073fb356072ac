"""A worker: the process that executes runs."""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from dbos import error as dbos_error
from django.conf import settings
from django.db import Error, connection
from django.utils import timezone
from sqlalchemy.exc import SQLAlchemyError

from timestep import conf, private
from timestep.engine import runtime
from timestep.engine.births import own_birth
from timestep.engine.clocks import Clocks
from timestep.engine.dispatcher import Dispatcher
from timestep.engine.executions import Executions
from timestep.engine.fitness import Fitness, lacks
from timestep.engine.heartbeat import Heartbeat, sweep, sweep_silent
from timestep.engine.lease import Lease
from timestep.engine.runtime import Tuning
from timestep.engine.segment import Host, host_segments
from timestep.engine.server_sessions import name_connections
from timestep.engine.strays import Strays
from timestep.engine.threads import keep_connections_open
from timestep.engine.tools.registry import load_tools, publish_catalogue
from timestep.engine.wakeups import wakeup
from timestep.engine_version import ENGINE_VERSION, REPLAYED_VERSIONS
from timestep.errors import TimestepError
from timestep.garbage import spare_what_is_loaded
from timestep.models import (
    Queue,
    Segment,
    SegmentState,
    Worker,
    WorkerKind,
    first_limits,
)
from timestep.outages import outage, reason
from timestep.providers import available
from timestep.services.database_clock import database_now
from timestep.services.launch import checked_queue

logger = logging.getLogger(__name__)

# How long a stopping worker lets its runs go on by itself; others take over what is left.
DRAIN_SECONDS = 60.0
_STOP_SECONDS = 2.0
_SCRIPT_CALM_SECONDS = 0.2


class SecondWorker(TimestepError):
    """Another worker executes on the same SQLite file."""


class CannotStart(TimestepError):
    """The database does not let this process begin to execute."""

    def __init__(self, error: Exception) -> None:
        found = outage(error)
        mend = f"{found}; {found.mend}" if found else "run `python manage.py doctor`"
        super().__init__(f"this process cannot execute: {reason(error)}; {mend}")


def new_worker_id(name: str = "") -> str:
    """An id that no earlier start of any process has had; begins with the name, or the host's."""
    begin = "".join(c if c.isalnum() else "-" for c in name or socket.gethostname())[:40]
    return f"{begin}-{os.getpid()}-{secrets.token_hex(3)}"


class WorkerProcess:
    """This process as a worker: everything that it starts, in order, and stops in reverse.

    Args:
        on_lost: Called when another worker has taken this one's runs over; the process must end,
            since it no longer owns what it executes.
        script: The file of the script that executes what it launches; empty for a worker.
        queues: The queues that it takes from; none for all.
        tuning: Pool size and poll interval of DBOS, and the beginning of the executor id.
    """

    def __init__(
        self,
        on_lost: Callable[[], None],
        *,
        script: str = "",
        queues: Sequence[str] = (),
        tuning: Tuning | None = None,
    ) -> None:
        self._tuning = tuning or Tuning()
        self.worker_id = new_worker_id(self._tuning.executor_id)
        self._script = script
        self._queues = sorted({checked_queue(queue) for queue in queues})
        self._lock = None if script else _only_worker_on_sqlite()
        self._lease = Lease(self.worker_id)
        self.executions = Executions(self._lease)
        self._on_lost = on_lost
        strays = Strays(self.worker_id, self.executions.run_ids)
        self._heartbeat = Heartbeat(self.worker_id, self._lease, self._lose, strays)
        self._clocks = Clocks()
        self._dispatcher: Dispatcher | None = None

    def start(self) -> None:
        """Publish the tools, register, launch DBOS and begin to take work.

        Raises:
            CannotStart: With what the database said.
        """
        try:
            self._start()
        except (Error, SQLAlchemyError, dbos_error.DBOSException) as error:
            raise CannotStart(error) from error

    def _start(self) -> None:
        keep_connections_open()
        name_connections(self.worker_id)
        tools, script = load_tools(), self._script
        if not script:
            publish_catalogue(tools)
        fitness = Fitness(lambda spec: lacks(spec, tools, script=bool(script)))
        host_segments(Host(self.worker_id, tools, self.executions, fitness))
        runtime.launch(self.worker_id, self._tuning, self.executions.lack_room)
        self.executions.writer.start()
        # Not before the launch, which can take longer than the lease on a busy machine.
        worker = _register(self.worker_id, script, sorted(tools), self._queues)
        self._lease.renew()
        self._sweep_earlier()
        self._heartbeat.start()
        self._dispatcher = Dispatcher(
            worker,
            runtime.takeover_queue(self.worker_id),
            self.executions,
            fitness,
            # A script begins its own runs without a look at the rows.
            wakeup(_SCRIPT_CALM_SECONDS if script else 0.0),
        )
        self._dispatcher.start()
        self._clocks.start()

    def wake(self) -> None:
        """Look for work now: something was launched in this process."""
        if self._dispatcher is not None:
            self._dispatcher.wake()

    def stop(
        self,
        drain_seconds: float,
        at_once: threading.Event | None = None,
        *,
        begin_own: bool = False,
    ) -> None:
        """Take nothing new, let runs go on for a while, and leave the rest to others.

        Args:
            drain_seconds: How long runs may go on. Those that only wait are left to others now.
            at_once: Set from another thread, it ends the waiting.
            begin_own: Whether what lives in this script alone is still begun, for half the time.
        """
        if not connection.in_atomic_block:
            connection.close()  # Unused for long: the database may have been away meanwhile.
        self._say(drain_asked_at=timezone.now(), drain_asked_by="its own process, which ends")
        if self._dispatcher is not None:
            self._dispatcher.drain()
        own_seconds = drain_seconds / 2 if begin_own else 0.0
        self._wait_for_executions(drain_seconds, at_once or threading.Event(), own_seconds)
        self._clocks.stop()
        if self._dispatcher is not None:
            self._dispatcher.stop()
        self.executions.stop_all("stopped")
        self._wait_for_executions(_STOP_SECONDS, threading.Event())
        self.executions.writer.stop()
        self._heartbeat.stop()
        # From here on whoever sweeps next takes over what was left, without waiting for the lease.
        self._say(stopped_at=timezone.now())
        if not self.executions.run_ids():
            self._leave_to_others()
            runtime.shut_down(self.worker_id)

    def _leave_to_others(self) -> None:
        """Queue what was left: nobody may be there to sweep, and it does not run any more."""
        try:
            sweep(self.worker_id, self.worker_id)
        except (Error, SQLAlchemyError, dbos_error.DBOSException) as error:
            logger.warning("this worker ends, and leaves its runs as they are: %s", error)

    def _say(self, **fields: Any) -> None:
        """Write into this worker's row; without the database the process ends all the same."""
        try:
            Worker.objects.filter(worker_id=self.worker_id).update(**fields)
        except Error as error:
            logger.warning("this worker ends, and cannot say so: %s", error)

    def _wait_for_executions(
        self, seconds: float, at_once: threading.Event, own_seconds: float = 0.0
    ) -> None:
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            begins = time.monotonic() - began < own_seconds and self._begins_own()
            if not begins and not self._executes():
                break
            self.executions.stop_waiting("stopped")
            if at_once.wait(0.05):
                break

    def _begins_own(self) -> bool:
        return self._dispatcher is not None and self._dispatcher.take_own()

    def _executes(self) -> bool:
        """Whether anything runs here, or is on its way from the dispatcher to its execution."""
        if self.executions.run_ids():
            return True
        given = Segment.objects.filter(worker=self.worker_id, state=SegmentState.DISPATCHED)
        try:
            return given.exists()
        except Error:
            return False  # While the database is away nothing gets to its execution.

    def _lose(self) -> None:
        """Another worker has this one's runs: stop them at once, then end the process."""
        logger.warning("this worker was silent for too long; its runs go on elsewhere")
        self.executions.stop_all("lost")
        self._on_lost()

    def _sweep_earlier(self) -> None:
        """Take over from the dead at once: the process may end before its heart has beaten twice.

        On SQLite all processes are on one machine, so they are known without their lease.
        """
        sweep_silent(self.worker_id)
        if connection.vendor != "sqlite":
            return
        others = Worker.objects.filter(swept_by__isnull=True).exclude(worker_id=self.worker_id)
        for other in others:
            locked_out = self._lock is not None and other.kind == WorkerKind.WORKER
            if locked_out or not _runs_here(other):
                sweep(other.worker_id, self.worker_id)


def _only_worker_on_sqlite() -> IO[str] | None:
    """Hold the lock beside the SQLite file until this process ends; None on Postgres."""
    if connection.vendor != "sqlite":
        return None
    path = Path(str(settings.DATABASES["default"]["NAME"])).with_suffix(".worker-lock")
    file = private.open_file(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise SecondWorker(
            "another worker executes on this SQLite file; stop it, or set PG_CONNECTION_URI: "
            "on Postgres any number of workers may run"
        ) from None
    return file


def _runs_here(other: Worker) -> bool:
    """Whether the process of a worker's row may still run on this machine."""
    if other.host != socket.gethostname()[:200]:
        return True  # A container of another name may share the file; its lease decides.
    try:
        os.kill(other.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _register(worker_id: str, script: str, tools: list[str], queues: list[str]) -> Worker:
    for queue in queues:
        # So that pages have them, and runs can be moved there, before anything was launched.
        Queue.objects.get_or_create(name=queue, defaults=first_limits(queue))
    now = database_now()
    return Worker.objects.create(
        worker_id=worker_id,
        kind=WorkerKind.SCRIPT if script else WorkerKind.WORKER,
        script=script[:500],
        host=socket.gethostname()[:200],
        pid=os.getpid(),
        birth=own_birth(),
        engine_version=ENGINE_VERSION,
        replays=sorted(REPLAYED_VERSIONS),
        providers=available(os.environ),
        tools=tools,
        queues=queues,
        started_at=now,
        heartbeat_at=now,
    )


def _end_with_any_thread(died: threading.ExceptHookArgs) -> None:
    """End the process when one of the engine's threads does.

    Half a worker is worse than none: it would go on beating and hold runs that stand still.
    """
    name = died.thread.name if died.thread else ""
    if not name.startswith("timestep-"):
        threading.__excepthook__(died)
        return
    logger.critical("%s died, and so does this worker", name, exc_info=died.exc_value)
    logging.shutdown()
    os._exit(1)


def run_until(
    stopping: threading.Event, at_once: threading.Event, queues: Sequence[str] = ()
) -> None:
    """Be a worker until an event is set or the runs are lost to another worker.

    Args:
        stopping: Ends the worker once its runs have ended, or `TIMESTEP_DRAIN_SECONDS` are over.
        at_once: Ends it without that, where `stopping` is set as well.
        queues: The queues that it takes from; none for all.

    Raises:
        InvalidInput: The name of a queue cannot be used.
        CannotStart: The database does not let it begin.
    """
    threading.excepthook = _end_with_any_thread
    process = WorkerProcess(on_lost=stopping.set, queues=queues)
    process.start()
    spare_what_is_loaded()
    taken = f"takes from {', '.join(queues)} alone, " if queues else ""
    logger.info("worker %s executes (%shome %s)", process.worker_id, taken, conf.home())
    stopping.wait()
    process.stop(getattr(settings, "TIMESTEP_DRAIN_SECONDS", DRAIN_SECONDS), at_once)
