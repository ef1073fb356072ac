"""Waiting until runs end, or stop for people, whoever executes them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from django.db import Error, close_old_connections, connection

from timestep.engine.wakeups import Wakeup, wakeup
from timestep.models import Run, RunStatus

logger = logging.getLogger(__name__)

_SLOW_POLL_SECONDS = 1.0
_GOING = (RunStatus.QUEUED, RunStatus.RUNNING)


class Endings:
    """One thread of a program that looks, on every wake-up, which awaited runs have stopped.

    Args:
        executing: Names the runs that execute in this process now. Their commits, which would
            wake it all the time, say nothing of their end: `wake` is called for that.
    """

    def __init__(self, executing: Callable[[], list[str]]) -> None:
        self._executing = executing
        self._lock = threading.Lock()
        self._awaited: dict[str, list[Future[None]]] = {}
        self._asked = threading.Event()
        self._stopping = False
        self._wakeup: Wakeup = wakeup()
        self._thread = threading.Thread(target=self._run, name="timestep-endings", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is still awaited is cancelled."""
        self._stopping = True
        self.wake()
        self._thread.join(timeout=5)

    def wake(self) -> None:
        """Look now; from any thread."""
        self._asked.set()
        self._wakeup.wake()

    def of(self, run_id: str) -> Future[None]:
        """A future that is done once the run is neither queued nor running."""
        stopped: Future[None] = Future()
        with self._lock:
            self._awaited.setdefault(run_id, []).append(stopped)
        self.wake()
        return stopped

    def _run(self) -> None:
        while not self._stopping:
            asked = self._asked.wait(0 if self._awaited else _SLOW_POLL_SECONDS)
            self._asked.clear()
            if not self._awaited:
                continue
            try:
                close_old_connections()
                self._look([] if asked else self._executing())
            except Error as error:
                logger.warning("the database does not answer who waits for runs: %s", error)
            self._wakeup.wait(_SLOW_POLL_SECONDS)
        self._cancel_all()
        connection.close()
        self._wakeup.close()

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
            with self._lock:
                futures = self._awaited.pop(run_id, [])
            for future in futures:
                if future.set_running_or_notify_cancel():
                    future.set_result(None)

    def _cancel_all(self) -> None:
        with self._lock:
            for futures in self._awaited.values():
                for future in futures:
                    future.cancel()
            self._awaited.clear()
