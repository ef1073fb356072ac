"""Claiming a run, and giving it up, under the epoch that guards it."""

from __future__ import annotations

from collections import Counter

import pytest
from django.utils import timezone

from tests.engine.unit.conftest import FakeDbos
from tests.engine.unit.rows import executing, handed_over
from tests.services.rows import standing, tool_start
from tests.workflows.rows import in_threads, worker
from timestep.engine.claims import Claim, Refusal, claim, give_back
from timestep.engine_version import ENGINE_VERSION
from timestep.models import Run, RunEvent, RunStatus, Segment, SegmentState, Worker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _workers(db: None) -> None:
    worker("w-1")


def _claim(run_id: str = "r", worker_id: str = "w-1", *, executes: bool = False) -> Claim:
    claimed = claim(run_id, 0, worker_id, executes)
    assert isinstance(claimed, Claim), claimed
    return claimed


def test_a_claim_takes_the_run_and_says_so() -> None:
    handed_over("r", worker="w-0")
    claimed = _claim()
    run, segment = Run.objects.get(), Segment.objects.get()
    assert (run.owner, run.epoch, run.status) == ("w-1", 1, RunStatus.RUNNING)
    assert run.started_at == run.executing_since == segment.started_at is not None
    assert (segment.state, segment.worker) == (SegmentState.RUNNING, "w-1")
    assert (claimed.run, claimed.segment, claimed.epoch) == (run, segment, 1)
    assert [(e.kind, e.payload) for e in run.events.all()[1:]] == [
        ("segment.started", {"n": 0, "kind": "start", "worker": "w-1", "epoch": 1}),
        ("status", {"status": "running"}),
    ]


def test_a_run_of_an_older_engine_is_of_this_one_from_its_claim_on() -> None:
    handed_over("r")
    Run.objects.update(engine_version=ENGINE_VERSION - 1)
    _claim()
    run = Run.objects.get()
    assert run.engine_version == ENGINE_VERSION
    moved = run.events.filter(kind="run.moved").values_list("payload", flat=True)
    assert list(moved) == [{"from": ENGINE_VERSION - 1, "to": ENGINE_VERSION}]


def test_what_another_worker_has_is_refused() -> None:
    executing("r", "w-2")
    assert claim("r", 0, "w-1", executes=False) == Refusal("running", False, True)
    assert Run.objects.get().epoch == 1


def test_what_executes_here_already_is_refused() -> None:
    executing("r")
    assert claim("r", 0, "w-1", executes=True) == Refusal("running", False, True)


def test_a_claim_whose_answer_was_lost_is_made_again() -> None:
    executing("r")
    assert _claim().epoch == 2


def test_a_swept_worker_gets_nothing() -> None:
    Worker.objects.update(swept_by="w-2")
    handed_over("r")
    assert claim("r", 0, "w-1", executes=False) == Refusal("queued", False, True)
    assert Run.objects.get().owner is None


@pytest.mark.parametrize(
    ("status", "state", "parked"),
    [
        (RunStatus.CANCELLED, SegmentState.ENDED, False),
        (RunStatus.SUCCEEDED, SegmentState.ENDED, False),
        (RunStatus.FAILED, SegmentState.ENDED, True),
        (RunStatus.TIMED_OUT, SegmentState.PARKED, True),
        (RunStatus.AWAITING_APPROVAL, SegmentState.ENDED, False),
        (RunStatus.AWAITING_APPROVAL, SegmentState.PARKED, True),
        (RunStatus.QUEUED, SegmentState.ENDED, False),
    ],
)
def test_what_does_not_go_on_is_refused(
    status: RunStatus, state: SegmentState, parked: bool
) -> None:
    handed_over("r", state=state, status=status)
    assert claim("r", 0, "w-1", executes=False) == Refusal(status, parked, False)
    assert Run.objects.get().status == status
    assert RunEvent.objects.count() == 1


def test_a_second_claim_keeps_the_first_start() -> None:
    begun = timezone.now()
    handed_over("r")
    Run.objects.update(started_at=begun, epoch=4)
    Segment.objects.update(started_at=begun)
    claimed = _claim()
    assert (claimed.epoch, claimed.run.started_at, claimed.segment.started_at) == (5, begun, begun)


def test_the_time_that_is_left_counts_what_was_executed() -> None:
    standing("limited", RunStatus.QUEUED, timeout_seconds=10, executing_ms=4000)
    standing("over", RunStatus.QUEUED, timeout_seconds=1, executing_ms=4000)
    standing("free", RunStatus.QUEUED)
    left = [_claim(run_id).remaining_seconds for run_id in ("limited", "over", "free")]
    assert left == [6.0, -3.0, None]


def test_calls_without_checkpoint_error_or_answer_are_unknown(dbos: FakeDbos) -> None:
    run = handed_over("r")
    tool_start(run, "recorded", step=1)
    tool_start(run, "open", step=2)
    tool_start(run, "raised", step=3, raised_at=timezone.now())
    tool_start(run, "answered", step=4, resolution={"outcome": "run_again"})
    tool_start(run, "elsewhere", step=2, segment="r:1")
    dbos.steps = {"r:0": [0, 1]}
    assert [start.call_id for start in _claim().unknown] == ["open"]


def test_where_no_call_was_begun_dbos_is_not_asked(dbos: FakeDbos) -> None:
    tool_start(handed_over("r"), "elsewhere", segment="r:1")
    assert _claim().unknown == []
    assert dbos.steps == {}


@pytest.mark.django_db(transaction=True)
def test_of_twenty_workers_one_gets_the_run() -> None:
    handed_over("r")
    for n in range(2, 21):
        worker(f"w-{n}")
    results = in_threads(20, lambda n: claim("r", 0, f"w-{n + 1}", executes=False))
    assert Counter(type(result) for result in results) == {Claim: 1, Refusal: 19}
    [winner] = [result for result in results if isinstance(result, Claim)]
    run = Run.objects.get()
    assert (run.owner, run.epoch) == (winner.run.owner, 1)
    assert run.events.filter(kind="segment.started").count() == 1


def test_a_run_that_cannot_be_built_here_is_given_back() -> None:
    executing("r", "w-1", since=2)
    assert give_back("r", 0, 1)
    run, segment = Run.objects.get(), Segment.objects.get()
    assert (run.status, run.owner, run.error) == (RunStatus.QUEUED, None, None)
    assert run.executing_ms >= 2000
    assert (segment.kind, segment.state, segment.worker) == ("continue", "ready", None)
    assert segment.ended_at is None
    assert run.events.last().payload == {"status": "queued"}  # type: ignore[union-attr]


def test_a_run_of_another_epoch_is_not_given_back() -> None:
    executing("r", "w-2", epoch=2)
    assert not give_back("r", 0, 1)
    assert Run.objects.get().owner == "w-2"


@pytest.mark.usefixtures("gate")
def test_a_run_that_was_cancelled_on_its_way_back_is_cancelled() -> None:
    executing("r", "w-1", cancel_requested_at=timezone.now(), cancelled_by="ana")
    give_back("r", 0, 1)
    assert Run.objects.get().status == RunStatus.CANCELLED
