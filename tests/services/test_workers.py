"""Which workers count as living."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from approvals.models import AuditEntry
from tests.workflows.rows import worker
from timestep.errors import InvalidInput, WorkerNotFound
from timestep.models import Worker
from timestep.services.audit import Actor
from timestep.services.workers import (
    ALIVE_WITHIN_SECONDS,
    drain,
    living_workers,
    taking_workers,
    undrain,
)

pytestmark = pytest.mark.django_db


def test_who_beat_lately_lives() -> None:
    worker("fresh")
    worker("late", silent=ALIVE_WITHIN_SECONDS - 2)
    assert {w.worker_id for w in living_workers()} == {"fresh", "late"}


def test_who_is_silent_stopped_or_swept_does_not() -> None:
    worker("silent", silent=ALIVE_WITHIN_SECONDS + 2)
    worker("stopped", stopped_at=timezone.now())
    worker("swept", swept_by="fresh")
    assert not living_workers().exists()


def test_who_drains_lives_and_takes_nothing_until_it_is_undrained() -> None:
    worker("w-1")
    drained = [drain("w-1", by=Actor(name, "page")) for name in ("ana", "ben")]
    assert [one.drain_asked_by for one in drained] == ["ana", "ana"]
    assert living_workers().exists()
    assert not taking_workers().exists()
    for _ in range(2):
        undrain("w-1", by=Actor("ben", "page"))
    assert taking_workers().exists()
    told = AuditEntry.objects.order_by("number").values_list("act", "subject", "actor")
    drains = [("worker.drain", "worker:w-1", "ana"), ("worker.undrain", "worker:w-1", "ben")]
    assert list(told) == drains


@pytest.mark.parametrize("ended", [{"stopped_at": timezone.now()}, {"swept_by": "w"}], ids=[*"ab"])
def test_who_has_ended_is_not_drained(ended: dict[str, Any]) -> None:
    worker("gone", **ended)
    with pytest.raises(InvalidInput, match="has ended"):
        drain("gone", by=Actor("ana", "page"))
    with pytest.raises(WorkerNotFound):
        drain("nobody", by=Actor("ana", "page"))
    assert Worker.objects.get().drain_asked_at is None


@pytest.mark.parametrize(
    ("version", "begun", "takes"),
    [(2, True, True), (1, True, True), (0, True, False), (0, False, True), (3, False, False)],
)
def test_a_worker_takes_what_it_can_replay_and_begins_what_is_not_newer(
    version: int, begun: bool, takes: bool
) -> None:
    one = Worker(worker_id="w", engine_version=2, replays=[1, 2])
    assert one.can_take(version, begun=begun) is takes


def test_a_worker_of_an_older_release_registers_without_the_newest_columns() -> None:
    worker("w-1")
    older = "worker_id, kind, script, host, pid, engine_version, replays, providers, tools"
    older += ", started_at, heartbeat_at, drain_asked_by"
    copied = older.replace("worker_id", "'w-0'", 1)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO timestep_worker ({older}) SELECT {copied} FROM timestep_worker"
        )
    assert Worker.objects.get(pk="w-0").queues == []
