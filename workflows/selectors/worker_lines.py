"""Workers and scripts that execute, as their pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from approvals.access import EVERYTHING, Sight
from timestep.errors import WorkerNotFound
from timestep.models import Run, RunStatus, Worker, WorkerKind
from timestep.services.workers import living_processes
from workflows.selectors.runs import ROW_FIELDS, RunRow

ALIVE_SHOWN = 200
ENDED_SHOWN = 20
ENDED_WITHIN = timedelta(days=1)
RUNS_SHOWN = 100


@dataclass(frozen=True)
class WorkerLine:
    """One process: how it is, and how much it executes."""

    worker: Worker
    alive: bool
    executing: int

    @property
    def state(self) -> str:
        """One word for how it is."""
        if self.alive:
            if self.worker.drain_asked_at is None:
                return "alive"
            return "draining" if self.executing else "drained"
        return "stopped" if self.worker.stopped_at is not None else "silent"

    @property
    def takes(self) -> str:
        """The queues that it takes from, in words."""
        if self.worker.kind == WorkerKind.SCRIPT:
            return "what it launches"
        if self.worker.drain_asked_at is not None:
            return "nothing new"
        return ", ".join(self.worker.queues) or "all queues"


@dataclass(frozen=True)
class WorkerPage:
    """One worker and the runs that it executes."""

    line: WorkerLine
    runs: list[RunRow]
    hidden: int

    @property
    def worker(self) -> Worker:
        """The worker."""
        return self.line.worker

    @property
    def keys(self) -> dict[str, bool]:
        """Model providers, and whether it has their key."""
        return dict(sorted(self.worker.providers.items()))


def worker_lines() -> tuple[list[WorkerLine], list[WorkerLine]]:
    """Those that are alive, longest first, and those that ended or fell silent within a day."""
    alive = list(living_processes().order_by("kind", "started_at")[:ALIVE_SHOWN])
    alive.sort(key=lambda one: one.kind != WorkerKind.WORKER)
    known = [one.worker_id for one in alive]
    since = timezone.now() - ENDED_WITHIN
    others = Worker.objects.filter(heartbeat_at__gte=since).exclude(pk__in=known)
    ended = list(others.order_by("-heartbeat_at")[:ENDED_SHOWN])
    counts = _executing([one.worker_id for one in (*alive, *ended)])
    return (
        [WorkerLine(one, True, counts.get(one.worker_id, 0)) for one in alive],
        [WorkerLine(one, False, counts.get(one.worker_id, 0)) for one in ended],
    )


def worker_page(worker: Worker, sight: Sight = EVERYTHING) -> WorkerPage:
    """What the page of a worker shows."""
    alive = living_processes().filter(pk=worker.pk).exists()
    executing = _of(Q(owner=worker.pk))
    seen = executing.filter(sight.runs())
    shown = seen.order_by("started_at").values(*ROW_FIELDS)[:RUNS_SHOWN]
    rows = [RunRow.of_values(row) for row in shown]
    line = WorkerLine(worker, alive, executing.count())
    return WorkerPage(line, rows, line.executing - len(rows))


def get_worker(worker_id: str) -> Worker:
    """The worker. Raises WorkerNotFound."""
    known = Worker.objects.filter(worker_id=worker_id) if worker_id.isprintable() else None
    worker = known.first() if known is not None else None
    if worker is None:
        raise WorkerNotFound(worker_id)
    return worker


def _executing(worker_ids: list[str]) -> dict[str, int]:
    counted = _of(Q(owner__in=worker_ids)).order_by().values_list("owner")
    return {owner: number for owner, number in counted.annotate(Count("pk")) if owner}


def _of(owned: Q) -> QuerySet[Run]:
    return Run.objects.filter(owned, status=RunStatus.RUNNING)
