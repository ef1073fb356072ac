"""The heartbeat and the sweep: who is gone, and what becomes of what they had."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from sqlalchemy.exc import OperationalError as EngineError

from tests.engine.unit.conftest import FakeDbos
from tests.engine.unit.gate import RememberingGate
from tests.engine.unit.rows import executing, handed_over
from tests.services.rows import standing
from tests.workflows.rows import in_threads, worker
from timestep.engine import heartbeat as module
from timestep.engine.heartbeat import Heartbeat, sweep, sweep_late
from timestep.engine.heartbeat import sweep_silent as sweep_all
from timestep.engine.lease import LEASE_SECONDS, Lease, beat
from timestep.models import (
    ENDED_STATUSES,
    Run,
    RunStatus,
    Segment,
    SegmentKind,
    SegmentState,
    Worker,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("dbos", "gate")]


def _segment(run_id: str) -> tuple[str, str, str | None]:
    segment = Segment.objects.get(run=run_id)
    return segment.kind, segment.state, segment.worker


def test_a_beat_says_that_the_worker_lives() -> None:
    worker("w-1", silent=LEASE_SECONDS)
    worker("w-2", silent=LEASE_SECONDS)
    assert beat("w-1")
    fresh = Worker.objects.get(pk="w-1").heartbeat_at
    assert abs((timezone.now() - fresh).total_seconds()) < 3
    assert Worker.objects.get(pk="w-2").heartbeat_at < fresh


def test_a_swept_worker_and_one_that_is_not_there_learn_it() -> None:
    row = worker("w-1", swept_by="w-2", silent=60)
    assert not beat("w-1")
    assert not beat("nobody")
    assert Worker.objects.get().heartbeat_at == row.heartbeat_at


def test_only_silent_and_stopped_workers_are_swept_and_each_once() -> None:
    worker("me", silent=60)
    worker("fresh", silent=LEASE_SECONDS - 4)
    worker("silent", silent=LEASE_SECONDS + 4)
    worker("stopped", stopped_at=timezone.now())
    worker("swept", silent=60, swept_by="someone")
    assert sweep_all("me") == 2
    assert dict(Worker.objects.values_list("pk", "swept_by")) == {
        "me": None,
        "fresh": None,
        "silent": "me",
        "stopped": "me",
        "swept": "someone",
    }
    assert sweep_all("me") == 0


def test_a_running_run_is_queued_to_be_continued_under_a_new_epoch(dbos: FakeDbos) -> None:
    worker("w-1", silent=20)
    executing("r", since=30)
    assert sweep("w-1", "w-2") == 1
    run = Run.objects.get()
    assert (run.status, run.owner, run.epoch, run.takeovers) == (RunStatus.QUEUED, None, 2, 1)
    assert (run.executing_since, bool(run.started_at)) == (None, True)
    assert _segment("r") == (SegmentKind.CONTINUE, SegmentState.READY, None)
    lost, status = run.events.all()[1:]
    assert (lost.kind, lost.payload["worker"], lost.payload["resumed_on"]) == (
        "worker.lost",
        "w-1",
        "w-2",
    )
    assert status.payload == {"status": "queued"}
    assert dbos.deleted_queues == ["worker:w-1"]


def test_executing_time_counts_up_to_the_last_beat() -> None:
    worker("w-1", silent=20)
    executing("r", since=30, executing_ms=500)
    executing("short", since=5, executing_ms=500)
    sweep("w-1", "w-2")
    spent = dict(Run.objects.values_list("pk", "executing_ms"))
    assert spent["r"] == pytest.approx(10_500, abs=1000)
    assert spent["short"] == 500
    silent_s = Run.objects.get(pk="r").events.get(kind="worker.lost").payload["silent_s"]
    assert silent_s == pytest.approx(20, abs=3)


def test_a_run_that_was_to_be_cancelled_is_cancelled_instead(gate: RememberingGate) -> None:
    worker("w-1", silent=20)
    executing("r", cancel_requested_at=timezone.now(), cancelled_by="ana")
    sweep("w-1", "w-2")
    run = Run.objects.get()
    assert (run.status, run.cancelled_by, run.owner) == (RunStatus.CANCELLED, "ana", None)
    assert _segment("r")[1] == SegmentState.ENDED
    assert gate.ended == [("r", "cancelled")]


@pytest.mark.parametrize(
    ("kind", "in_dbos", "goes_on_as"),
    [
        (SegmentKind.START, True, SegmentKind.CONTINUE),
        (SegmentKind.START, False, SegmentKind.START),
        (SegmentKind.RESUME, True, SegmentKind.CONTINUE),
        (SegmentKind.RESUME, False, SegmentKind.RESUME),
        (SegmentKind.CONTINUE, True, SegmentKind.CONTINUE),
        (SegmentKind.CONTINUE, False, SegmentKind.CONTINUE),
    ],
)
def test_what_was_handed_over_and_not_begun_is_given_back(
    kind: SegmentKind, in_dbos: bool, goes_on_as: SegmentKind, dbos: FakeDbos
) -> None:
    worker("w-1", silent=20)
    handed_over("r")
    Segment.objects.update(kind=kind)
    dbos.pending = {"w-1": ["r:0"] if in_dbos else [], "w-2": ["r:0"]}
    sweep("w-1", "w-2")
    assert _segment("r") == (goes_on_as, SegmentState.READY, None)
    run = Run.objects.get()
    assert (run.status, run.epoch, run.takeovers, run.last_seq) == (RunStatus.QUEUED, 0, 0, 1)


def test_what_others_have_and_what_has_ended_is_left_alone() -> None:
    worker("w-1", silent=20)
    executing("theirs", "w-3")
    handed_over("given", worker="w-3")
    handed_over("waits", status=RunStatus.AWAITING_APPROVAL, state=SegmentState.PARKED)
    for status in ENDED_STATUSES:
        standing(str(status), status)
    before = list(Segment.objects.values_list("state", "worker")), _epochs()
    sweep("w-1", "w-2")
    assert (list(Segment.objects.values_list("state", "worker")), _epochs()) == before


def _epochs() -> list[tuple[str, int, str, str | None]]:
    return list(Run.objects.values_list("pk", "epoch", "status", "owner"))


@pytest.mark.django_db(transaction=True)
def test_of_twenty_sweepers_one_takes_over() -> None:
    worker("w-1", silent=20)
    executing("r")
    results = in_threads(20, lambda n: sweep("w-1", f"s-{n}"))
    assert sorted(results) == [0] * 19 + [1]
    assert (Run.objects.get().epoch, Run.objects.get().takeovers) == (2, 1)
    assert Worker.objects.get().swept_by == f"s-{results.index(1)}"
    assert Run.objects.get().events.filter(kind="worker.lost").count() == 1


def test_what_a_swept_worker_took_late_is_given_back(dbos: FakeDbos) -> None:
    worker("w-1", swept_by="w-2")
    worker("w-3")
    dbos.pending = {"w-1": ["begun:0"]}
    handed_over("late", ago=LEASE_SECONDS + 4)
    handed_over("begun", ago=LEASE_SECONDS + 4)
    handed_over("theirs", worker="w-3", ago=60)
    assert sweep_late("w-2") == 1
    assert _segment("late") == (SegmentKind.START, SegmentState.READY, None)
    assert _segment("begun") == (SegmentKind.CONTINUE, SegmentState.READY, None)
    assert _segment("theirs")[1:] == (SegmentState.DISPATCHED, "w-3")


def test_what_a_swept_worker_took_just_now_may_still_begin() -> None:
    worker("w-1", swept_by="w-2")
    handed_over("r", ago=LEASE_SECONDS - 4)
    assert sweep_late("w-2") == 0
    assert _segment("r")[1] == SegmentState.DISPATCHED


def _beating(monkeypatch: pytest.MonkeyPatch, on_swept: Callable[[], None]) -> Heartbeat:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.01)
    strays: Any = SimpleNamespace(look=lambda: 0)
    return Heartbeat("w-1", Lease("w-1"), on_swept, strays)


@pytest.mark.django_db(transaction=True)
def test_a_worker_beats_until_it_is_swept_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = worker("w-1", silent=5)
    told: list[float] = []
    made = _beating(monkeypatch, lambda: told.append(time.monotonic()))
    made.start()
    _until(lambda: Worker.objects.get().heartbeat_at > row.heartbeat_at)
    assert told == []
    Worker.objects.update(swept_by="w-2")
    _until(lambda: not any(thread.is_alive() for thread in made._threads))
    assert len(told) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "error", [OperationalError("away"), EngineError("select", {}, Exception("away"))]
)
def test_a_heart_outlives_a_database_that_is_away(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker("w-1")
    beats: list[str] = []

    def failing(worker_id: str) -> int:
        beats.append(worker_id)
        raise error

    monkeypatch.setattr(module, "sweep_silent", failing)
    made = _beating(monkeypatch, lambda: None)
    made.start()
    _until(lambda: len(beats) > 2)
    made.stop()
    assert not any(thread.is_alive() for thread in made._threads)


def test_a_worker_that_was_silent_itself_waits_a_lease_before_it_sweeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    swept: list[str] = []
    monkeypatch.setattr(module, "sweep_silent", swept.append)
    monkeypatch.setattr(module, "_SWEEP_EVERY_BEATS", 1)
    made = _beating(monkeypatch, lambda: None)
    made._look_after_others()
    assert swept == ["w-1"]
    made._looked_at -= LEASE_SECONDS
    made._look_after_others()
    assert swept == ["w-1"]
    made._sweeps_from -= LEASE_SECONDS
    made._look_after_others()
    assert swept == ["w-1", "w-1"]


def _until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.02)
