"""Segments on their way, as the dispatcher and workers leave them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from tests.services.rows import launched
from timestep.models import Queue, Run, RunStatus, Segment, SegmentState


def queue(name: str = "default", **limits: Any) -> Queue:
    """A queue without limits but those given."""
    none: dict[str, Any] = dict.fromkeys(("limit", "concurrency", "worker_concurrency"))
    return Queue.objects.create(name=name, **none | {"period_seconds": 60.0} | limits)


def handed_over(
    run_id: str,
    *,
    ago: float = 0,
    worker: str = "w-1",
    state: SegmentState = SegmentState.DISPATCHED,
    status: RunStatus = RunStatus.QUEUED,
    **options: Any,
) -> Run:
    """A run whose first segment was given to a worker's DBOS, and begun, `ago` seconds ago.

    One that was given just now has not begun.
    """
    run = launched(run_id, **options)
    at = timezone.now() - timedelta(seconds=ago)
    given = {"worker": worker, "dispatched_at": at, "started_at": at if ago else None}
    Segment.objects.filter(run=run).update(state=state, **given)
    Run.objects.filter(pk=run_id).update(status=status)
    run.refresh_from_db()
    return run


def executing(run_id: str, worker: str = "w-1", *, since: float = 0, **fields: Any) -> Run:
    """A run that a worker has claimed, under epoch 1."""
    run = handed_over(run_id, worker=worker, state=SegmentState.RUNNING, status=RunStatus.RUNNING)
    begun = timezone.now() - timedelta(seconds=since)
    values = {"owner": worker, "epoch": 1, "started_at": begun, "executing_since": begun}
    Run.objects.filter(pk=run_id).update(**values | fields)
    run.refresh_from_db()
    return run
