"""What counts as a start in a queue's rate window."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.services.rows import standing
from timestep.engine.admission import Taker, startable
from timestep.engine.dispatcher import Dispatcher
from timestep.engine.executions import Executions
from timestep.engine.fitness import Fitness
from timestep.engine.wakeups import SqliteWakeup
from timestep.models import Queue, RunStatus, Segment, Worker
from timestep.services.retry import retry

pytestmark = pytest.mark.django_db


def handed_over(run_id: str) -> Segment:
    """The run's segment, after a worker has handed it to DBOS."""
    worker = Dispatcher(
        Worker(worker_id="w-2"),
        "worker:w-2",
        Executions(),
        Fitness(lambda spec: ""),
        SqliteWakeup(""),
    )
    worker._marked([Segment.objects.get(run_id=run_id)])
    return Segment.objects.get(run_id=run_id)


def test_a_retry_spends_no_start() -> None:
    Queue.objects.create(name="tight", limit=1, period_seconds=60)
    standing("failed", RunStatus.FAILED, queue="tight")
    long_ago = timezone.now() - timedelta(hours=1)
    Segment.objects.update(dispatched_at=long_ago)
    retry("failed", by="test")
    assert handed_over("failed").dispatched_at == long_ago
    standing("next", RunStatus.QUEUED, queue="tight")
    assert [segment.run_id for segment in startable(Taker("w-2"))] == ["next"]


def test_a_first_start_spends_one() -> None:
    Queue.objects.create(name="tight", limit=1, period_seconds=60)
    standing("first", RunStatus.QUEUED, queue="tight")
    assert handed_over("first").dispatched_at is not None
    standing("next", RunStatus.QUEUED, queue="tight")
    assert startable(Taker("w-2")) == []
