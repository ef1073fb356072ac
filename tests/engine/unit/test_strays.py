"""Runs that a worker holds and does not execute: queued to go on, or failed."""

from __future__ import annotations

import pytest

from tests.engine.unit.conftest import FakeDbos
from tests.engine.unit.gate import RememberingGate
from tests.engine.unit.rows import executing, handed_over
from timestep.engine import strays as module
from timestep.engine.strays import Strays
from timestep.models import Run, RunStatus, Segment, SegmentKind, SegmentState

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch, dbos: FakeDbos, gate: RememberingGate) -> None:
    monkeypatch.setattr(module, "STRAY_SECONDS", 0.0)


def _strays(*executing: str) -> Strays:
    return Strays("w-1", lambda: list(executing))


def test_a_run_that_stands_still_is_queued_to_go_on_under_a_new_epoch() -> None:
    executing("r")
    assert _strays().look() == 1
    run, segment = Run.objects.get(), Segment.objects.get()
    assert (run.status, run.owner, run.epoch) == (RunStatus.QUEUED, None, 2)
    assert (segment.kind, segment.state) == (SegmentKind.CONTINUE, SegmentState.READY)
    assert segment.worker is None
    assert run.events.order_by("-seq")[0].payload == {"status": "queued"}


def test_a_segment_that_was_never_claimed_goes_on_without_a_word() -> None:
    handed_over("r")
    assert _strays().look() == 1
    assert Segment.objects.get().state == SegmentState.READY
    assert Run.objects.get().events.count() == 1


@pytest.mark.parametrize("status", ["SUCCESS", "ERROR"])
def test_a_run_whose_workflow_has_ended_fails(
    status: str, dbos: FakeDbos, gate: RememberingGate
) -> None:
    executing("r")
    dbos.statuses = {"r:0": status}
    assert _strays().look() == 1
    run = Run.objects.get()
    assert (run.status, run.owner, run.epoch) == (RunStatus.FAILED, None, 2)
    assert run.error is not None
    assert run.error["type"] == "WorkflowEnded"
    assert run.finished_at is not None
    assert [e.kind for e in run.events.all()][1:] == ["run.failed", "status", "run.finished"]
    assert gate.ended == [("r", "failed")]


def test_what_executes_what_others_hold_and_what_waits_is_no_stray(dbos: FakeDbos) -> None:
    executing("here")
    executing("theirs", "w-2")
    handed_over("asks", status=RunStatus.AWAITING_APPROVAL, state=SegmentState.PARKED)
    before = list(Run.objects.values_list("pk", "status", "epoch"))
    assert _strays("here").look() == 0
    assert list(Run.objects.values_list("pk", "status", "epoch")) == before


def test_a_run_is_given_its_time_before_it_is_a_stray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STRAY_SECONDS", 20.0)
    executing("r")
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    strays = _strays()
    found = []
    for moment in (100.0, 119.0, 120.5):
        now[0] = moment
        found.append(strays.look())
    assert found == [0, 0, 1]


def test_a_run_that_was_executed_in_between_begins_its_time_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "STRAY_SECONDS", 20.0)
    executing("r")
    now = [100.0]
    here: list[str] = []
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    strays = Strays("w-1", lambda: here)
    assert strays.look() == 0
    now[0], here[:] = 115.0, ["r"]
    assert strays.look() == 0
    now[0], here[:] = 125.0, []
    assert strays.look() == 0
