"""Which workers, and scripts that execute, live; and draining them."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from timestep.errors import InvalidInput, WorkerNotFound
from timestep.models import Worker, WorkerKind
from timestep.notify import notify_dispatch
from timestep.services import audit
from timestep.services.audit import Actor

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


def taking_workers() -> QuerySet[Worker]:
    """Living workers that take what is new: those that drain do not."""
    return living_workers().filter(drain_asked_at__isnull=True)


@transaction.atomic
def drain(worker_id: str, *, by: Actor) -> Worker:
    """Let a worker finish what it has and take nothing new, until it is undrained or stopped.

    Args:
        worker_id: The worker.
        by: Who asks.

    Returns:
        The worker as it is now.

    Raises:
        WorkerNotFound: There is no such worker.
        InvalidInput: It has ended.
    """
    worker = _locked(worker_id)
    if worker.stopped_at is not None or worker.swept_by is not None:
        raise InvalidInput("worker_id", f"worker {worker_id} has ended: there is nothing to drain")
    if worker.drain_asked_at is None:
        _set_drain(worker, "worker.drain", by)
    return worker


@transaction.atomic
def undrain(worker_id: str, *, by: Actor) -> Worker:
    """Let a worker that drains take work again.

    Args:
        worker_id: The worker.
        by: Who asks.

    Returns:
        The worker as it is now.

    Raises:
        WorkerNotFound: There is no such worker.
    """
    worker = _locked(worker_id)
    if worker.drain_asked_at is not None:
        _set_drain(worker, "worker.undrain", by)
    return worker


def _locked(worker_id: str) -> Worker:
    worker = Worker.objects.select_for_update(no_key=True).filter(worker_id=worker_id).first()
    if worker is None:
        raise WorkerNotFound(worker_id)
    return worker


def _set_drain(worker: Worker, act: str, by: Actor) -> None:
    drains = act == "worker.drain"
    worker.drain_asked_at = timezone.now() if drains else None
    worker.drain_asked_by = by.name[:200] if drains else ""
    worker.save(update_fields=["drain_asked_at", "drain_asked_by"])
    audit.record(by, act, f"worker:{worker.worker_id}")
    notify_dispatch()
