"""The executions of this process: found by run, to stop them and to wait for them."""

from __future__ import annotations

import threading

from timestep.engine.execution import Abort, Execution
from timestep.engine.writer import EventWriter


class Executions:
    """A registry that the workflow, the dispatcher and the heartbeat share; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_run: dict[str, Execution] = {}
        self.writer = EventWriter(on_lost=self._lost)

    def start(self, run_id: str, n: int, epoch: int) -> Execution:
        """Register an execution; called on the event loop that runs it."""
        execution = Execution(run_id, n, epoch, self.writer)
        with self._lock:
            self._by_run[run_id] = execution
        return execution

    def finish(self, execution: Execution) -> None:
        """Forget an execution that has ended."""
        with self._lock:
            if self._by_run.get(execution.run_id) is execution:
                del self._by_run[execution.run_id]

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

    def stop_all(self, reason: str) -> None:
        """End every execution of this process."""
        for run_id in self.run_ids():
            self.stop(run_id, Abort(reason))

    def _lost(self, run_id: str, epoch: int) -> None:
        with self._lock:
            execution = self._by_run.get(run_id)
        if execution is not None and execution.epoch == epoch:
            execution.stop(Abort("lost"))
