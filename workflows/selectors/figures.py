"""The figures of the home page, each bounded so that none of them scans a big table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from approvals.access import EVERYTHING, Sight
from timestep.models import Run, RunStatus
from workflows.selectors.workers import alive_workers

MOST = 1000


@dataclass(frozen=True)
class Figure:
    """A count up to MOST; `more` says that there are more than it."""

    count: int
    more: bool = False

    def __str__(self) -> str:
        return f"{self.count}+" if self.more else str(self.count)


@dataclass(frozen=True)
class HomeFigures:
    """What the home page says at a glance."""

    running: Figure
    awaiting_approval: Figure
    failed_today: Figure
    queued: Figure
    workers_alive: int


def bounded_count(rows: QuerySet[Any, Any], most: int = MOST) -> Figure:
    """Count at most `most` rows; the database stops looking after one more."""
    found = rows.order_by().values("pk")[: most + 1].count()
    return Figure(min(found, most), found > most)


def midnight() -> datetime:
    """When today began, in the site's zone."""
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def home_figures(sight: Sight = EVERYTHING) -> HomeFigures:
    """Running, waiting, failed and queued runs that are seen, and workers that are alive."""
    runs = Run.objects.filter(sight.runs())
    failed = runs.filter(status=RunStatus.FAILED, finished_at__gte=midnight())
    return HomeFigures(
        running=bounded_count(runs.filter(status=RunStatus.RUNNING)),
        awaiting_approval=bounded_count(runs.filter(status=RunStatus.AWAITING_APPROVAL)),
        failed_today=bounded_count(failed),
        queued=bounded_count(runs.filter(status=RunStatus.QUEUED)),
        workers_alive=len(alive_workers()),
    )
