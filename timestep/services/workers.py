"""Which workers, and scripts that execute, live."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from timestep.models import Worker, WorkerKind

# Longer than the lease after which a silent worker's runs are taken over.
ALIVE_WITHIN_SECONDS = 10.0


def living_processes() -> QuerySet[Worker]:
    """What said lately, by the database's clock, that it executes, and has not stopped."""
    since = Now() - timedelta(seconds=ALIVE_WITHIN_SECONDS)
    return Worker.objects.filter(
        heartbeat_at__gte=since, stopped_at__isnull=True, swept_by__isnull=True
    )


def living_workers() -> QuerySet[Worker]:
    """Living processes that were started to execute what others launch: scripts are not."""
    return living_processes().filter(kind=WorkerKind.WORKER)
