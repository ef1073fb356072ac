"""Which workers live."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from timestep.models import Worker

# Longer than the lease after which a silent worker's runs are taken over.
ALIVE_WITHIN_SECONDS = 10.0


def living_workers() -> QuerySet[Worker]:
    """Workers that said lately, by the database's clock, that they live, and have not stopped."""
    since = Now() - timedelta(seconds=ALIVE_WITHIN_SECONDS)
    return Worker.objects.filter(
        heartbeat_at__gte=since, stopped_at__isnull=True, swept_by__isnull=True
    )
