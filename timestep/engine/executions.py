"""The executions of this process: found by run, to stop them and to wait for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from timestep.engine.execution import Abort, Execution, Listener
from timestep.engine.holds import Holds
from timestep.engine.lease import Lease
from timestep.engine.writer import EventWriter


class Executions:
    """A registry that the workflow, the dispatcher and the heartbeat share; thread-safe.

    Args:
        lease: Of this process, which each execution looks at before its calls.
    """

    def __init__(self, lease: Lease | None = None) -> None:
        self._lease = Lease() if lease is None else lease
        self._lock = threading.Lock()
        self._by_run: dict[str, Execution] = {}
        self._listeners: dict[str, list[Listener]] = {}
        self.on_finish: Callable[[Execution], None] = lambda _execution: None
        self.holds = Holds()
        self.writer = EventWriter(on_lost=self._lost)

    def start(self, run_id: str, n: int, epoch: int) -> Execution:
        """Register an execution; called on the event loop that runs it."""
        with self._lock:
            listeners = self._listeners.get(run_id, [])
            execution = Execution(run_id, n, epoch, self.writer, listeners, self.holds, self._lease)
            self._by_run[run_id] = execution
        return execution

    @contextmanager
    def listening(self, run_id: str, listener: Listener) -> Iterator[None]:
        """Let a listener hear the SDK's stream events of a run, if it executes here.

        Called on the event loop of the execution; must begin before the run is launched.
        """
        with self._lock:
            listeners = self._listeners.setdefault(run_id, [])
            listeners.append(listener)
        try:
            yield
        finally:
            with self._lock:
                listeners.remove(listener)
                if not listeners:
                    self._listeners.pop(run_id, None)

    def finish(self, execution: Execution) -> None:
        """Forget an execution that has ended."""
        with self._lock:
            if self._by_run.get(execution.run_id) is execution:
                del self._by_run[execution.run_id]
        self.on_finish(execution)

    def run_ids(self) -> list[str]:
        """The runs that execute here now."""
        with self._lock:
            return list(self._by_run)

    def stop(self, run_id: str, abort: Abort) -> None:
        """End a run's execution here, if there is one."""
        with self._lock:
            execution = self._by_run.get(run_id)
        if execution is not None:
            execution.stop(abort)

    def lack_room(self, lacking: bool) -> None:
        """Let the timers of the executions stand still while the disk is full, or go on."""
        with self._lock:
            executions = list(self._by_run.values())
        for execution in executions:
            with suppress(RuntimeError):  # Its loop has ended: the process does.
                execution.lack_room(lacking)

    def stop_waiting(self, reason: str) -> None:
        """End the executions that only wait: they lose nothing, and go on elsewhere."""
        with self._lock:
            waiting = [run for run, one in self._by_run.items() if one.time.stands_still]
        for run_id in waiting:
            self.stop(run_id, Abort(reason))

    def stop_all(self, reason: str) -> None:
        """End every execution of this process."""
        for run_id in self.run_ids():
            self.stop(run_id, Abort(reason))

    def _lost(self, run_id: str, epoch: int) -> None:
        with self._lock:
            execution = self._by_run.get(run_id)
        if execution is not None and execution.epoch == epoch:
            execution.stop(Abort("lost"))
