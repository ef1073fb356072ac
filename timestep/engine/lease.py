"""The lease of this process on the runs that it executes, as the process itself knows it.

A process may stand still for any time: stopped, swapped out, on a laptop that slept. When it goes
on, others may have its runs. It finds out when it writes; what it does outside of the database it
must not do before it has looked.
"""

from __future__ import annotations

import time

from django.db.models.functions import Now

from timestep.models import Run, RunStatus, Worker

# A worker silent for longer than this has lost its runs.
LEASE_SECONDS = 8.0
# Half of it: what begins now is far from the moment in which another worker may begin the same.
FRESH_SECONDS = LEASE_SECONDS / 2
# Counts the time in which the machine slept; on macOS the monotonic clock does so.
_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def elapsed() -> float:
    """Seconds of a clock that nobody sets and that no sleep of the machine stops."""
    return time.clock_gettime(_CLOCK)


def beat(worker_id: str) -> bool:
    """Say that this worker lives, by the database's clock; False if it was swept."""
    mine = Worker.objects.filter(worker_id=worker_id, swept_by__isnull=True)
    return bool(mine.update(heartbeat_at=Now()))


class Lease:
    """When this process has renewed its lease last; asked and renewed from any thread.

    Args:
        worker_id: This process; empty for one that has no lease to lose, as in tests.
    """

    def __init__(self, worker_id: str = "") -> None:
        self._worker_id = worker_id
        self._renewed_at = float("-inf") if worker_id else float("inf")

    def is_fresh(self) -> bool:
        """Whether it was renewed within half of it. Asks nobody: it costs a look at a clock."""
        return elapsed() - self._renewed_at <= FRESH_SECONDS

    def renew(self) -> bool:
        """Renew it, unless another worker has swept this one: then it stays lost."""
        # Before the statement is sent: a process can stand still before it hears the answer.
        at = elapsed()
        if not beat(self._worker_id):
            self._renewed_at = float("-inf")
            return False
        self._renewed_at = max(self._renewed_at, at)
        return True

    def renew_for(self, run_id: str, epoch: int) -> bool:
        """Renew it late, for an execution; False if this process, or the run, is lost meanwhile."""
        held = Run.objects.filter(run_id=run_id, epoch=epoch, status=RunStatus.RUNNING)
        return self.renew() and held.exists()
