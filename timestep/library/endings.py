"""Waiting until runs end, or stop for people, whoever executes them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from django.db import Error, close_old_connections, connection

from timestep.engine.execution import Ended, Execution
from timestep.engine.wakeups import Wakeup, wakeup
from timestep.errors import ProgramStopped
from timestep.models import Run, RunStatus

logger = logging.getLogger(__name__)

_SLOW_POLL_SECONDS = 1.0
# What executes here says by itself when it has ended.
_CALM_SECONDS = 0.2
_GOING = (RunStatus.QUEUED, RunStatus.RUNNING)


class Endings:
    """One thread of a program that looks, on every wake-up, which awaited runs have stopped.

    Args:
        executing: Names the runs that execute in this process now. Their commits, which would
            wake it all the time, say nothing of their end: `executed` is called for that.
    """

    def __init__(self, executing: Callable[[], list[str]]) -> None:
        self._executing = executing
        self._lock = threading.Lock()
        self._awaited: dict[str, list[Future[Ended | None]]] = {}
        self._asked = threading.Event()
        self._stopping = self._stopped = False
        self._wakeup: Wakeup = wakeup(_CALM_SECONDS)
        self._thread = threading.Thread(target=self._run, name="timestep-endings", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; who still waits is told that the program stopped."""
        self._stopping = True
        self.wake()
        self._thread.join(timeout=5)

    def wake(self) -> None:
        """Look now; from any thread."""
        self._asked.set()
        self._wakeup.wake()

    def executed(self, execution: Execution) -> None:
        """Tell those who wait for a run what this process has just made of it."""
        if execution.ended is None:
            self.wake()  # It waits for people, or is another's by now: the rows say which.
        else:
            self._tell(execution.run_id, execution.ended)

    def of(self, run_id: str) -> Future[Ended | None]:
        """A future that is done once the run is neither queued nor running.

        It holds the run if that ended here just now, which saves reading it. It raises
        `ProgramStopped` if this is stopped before.
        """
        stopped: Future[Ended | None] = Future()
        with self._lock:
            if self._stopped:
                stopped.set_exception(ProgramStopped(run_id))
                return stopped
            self._awaited.setdefault(run_id, []).append(stopped)
        self.wake()
        return stopped

    def _run(self) -> None:
        while not self._stopping:
            asked = self._asked.wait(0 if self._awaited else _SLOW_POLL_SECONDS)
            self._asked.clear()
            if not self._awaited:
                continue
            self._try_to_look([] if asked else self._executing())
            self._wakeup.wait(_SLOW_POLL_SECONDS)
        self._try_to_look([])  # What ended while the program stopped has a result.
        self._give_up()
        connection.close()
        self._wakeup.close()

    def _try_to_look(self, executing: list[str]) -> None:
        try:
            close_old_connections()
            self._look(executing)
        except Error as error:
            logger.warning("the database does not answer who waits for runs: %s", error)

    def _look(self, executing: list[str]) -> None:
        with self._lock:
            self._awaited = {
                run_id: wanted
                for run_id, futures in self._awaited.items()
                if (wanted := [one for one in futures if not one.done()])
            }
            ids = list(self._awaited.keys() - set(executing))
        if not ids:
            return
        stopped = Run.objects.filter(run_id__in=ids).exclude(status__in=_GOING)
        for run_id in list(stopped.values_list("run_id", flat=True)):
            self._tell(run_id, None)

    def _tell(self, run_id: str, ended: Ended | None) -> None:
        with self._lock:
            futures = self._awaited.pop(run_id, [])
        for future in futures:
            if future.set_running_or_notify_cancel():
                future.set_result(ended)

    def _give_up(self) -> None:
        with self._lock:
            self._stopped = True
            awaited, self._awaited = self._awaited, {}
        for run_id, futures in awaited.items():
            for future in futures:
                if future.set_running_or_notify_cancel():
                    future.set_exception(ProgramStopped(run_id))
