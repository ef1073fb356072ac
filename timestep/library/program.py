"""This program as an executor: the embedded worker, and what waits for its runs."""

from __future__ import annotations

import logging

from timestep.engine.runtime import Tuning
from timestep.engine.travel import trust_own_modules
from timestep.engine.worker import WorkerProcess
from timestep.library.endings import Endings
from timestep.library.left_behind import tell_left_behind
from timestep.library.setup import Configuration

logger = logging.getLogger(__name__)


class Program:
    """What `ensure_dbos_launched` starts and `cleanup_dbos` stops.

    Args:
        configuration: What was configured.
        script: The file that the process runs.
    """

    def __init__(self, configuration: Configuration, script: str) -> None:
        self.label = configuration.name
        tuning = Tuning(
            configuration.executor_id, configuration.pool_size, configuration.poll_seconds
        )
        self.worker = WorkerProcess(on_lost=self._lost, script=script, tuning=tuning)
        self.endings = Endings(self.worker.executions.run_ids)
        self.worker.executions.on_finish = self.endings.executed

    def start(self) -> None:
        """Start all threads."""
        trust_own_modules()
        self.worker.start()
        self.endings.start()

    def stop(self, drain_seconds: float, *, at_end: bool = False) -> None:
        """Stop them again, the other way round.

        Args:
            drain_seconds: How long runs under way may go on.
            at_end: Whether the program has reached its end: what waits is begun then, as far as
                it lives in this program alone, and the log says what is left of it.
        """
        self.worker.stop(drain_seconds, begin_own=at_end)
        self.endings.stop()
        tell_left_behind()

    @property
    def by(self) -> str:
        """How this program signs what it does to runs."""
        return f"program {self.label or self.worker.worker_id}"

    def _lost(self) -> None:
        logger.warning(
            "this program was silent for too long and executes nothing any more; its runs go on "
            "elsewhere. Call cleanup_dbos() and ensure_dbos_launched() to execute again."
        )
