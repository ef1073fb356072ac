"""Answering what became of calls that were in flight when their worker died."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from tests.services.rows import standing, tool_start, waiting_thread
from tests.workflows.rows import in_threads
from timestep.errors import InvalidInput
from timestep.models import Run, RunStatus, Segment, SegmentKind, SegmentState, ToolStart
from timestep.services.resume import resolve_outcome


def _asking(*call_ids: str, status: RunStatus = RunStatus.AWAITING_APPROVAL) -> Run:
    run = standing("r", status)
    Segment.objects.update(state=SegmentState.PARKED)
    for step, call_id in enumerate(call_ids):
        tool_start(run, call_id, step=step, unknown_at=timezone.now())
    return run


@pytest.mark.django_db
@pytest.mark.parametrize(("outcome", "result"), [("happened", "R-1"), ("run_again", "")])
def test_the_last_answer_lets_the_parked_segment_go_on(outcome: str, result: str) -> None:
    _asking("c1")
    resolve_outcome("r", "c1", outcome, result)
    assert ToolStart.objects.get().resolution == {"outcome": outcome, "result": result}
    segment = Segment.objects.get()
    assert (segment.kind, segment.state) == (SegmentKind.CONTINUE, SegmentState.READY)
    assert Run.objects.get().status == RunStatus.QUEUED


@pytest.mark.django_db
def test_while_another_call_is_unknown_the_run_waits() -> None:
    _asking("c1", "c2")
    resolve_outcome("r", "c1", "run_again")
    assert Run.objects.get().status == RunStatus.AWAITING_APPROVAL
    assert Segment.objects.get().state == SegmentState.PARKED
    resolve_outcome("r", "c2", "happened", "done")
    assert Run.objects.get().status == RunStatus.QUEUED


@pytest.mark.django_db
def test_fail_fails_the_run_and_leaves_the_call_unknown() -> None:
    _asking("c1", "c2")
    resolve_outcome("r", "c2", "fail")
    run = Run.objects.get()
    assert (run.status, bool(run.finished_at)) == (RunStatus.FAILED, True)
    assert run.error is not None
    assert (run.error["type"], run.error["step"]) == ("OutcomeUnknown", "0.1")
    assert ToolStart.objects.filter(resolution__isnull=True).count() == 2
    assert Segment.objects.get().state == SegmentState.PARKED
    assert [e.kind for e in run.events.all()][1:] == ["run.failed", "status", "run.finished"]


@pytest.mark.django_db
def test_an_answer_that_is_none_of_the_three_is_refused() -> None:
    _asking("c1")
    with pytest.raises(InvalidInput) as refused:
        resolve_outcome("r", "c1", "maybe")
    assert refused.value.field == "outcome"


@pytest.mark.django_db
@pytest.mark.parametrize(("run_id", "call_id"), [("r", "other"), ("r", "known"), ("s", "c1")])
def test_a_call_that_nobody_asks_about_is_refused(run_id: str, call_id: str) -> None:
    tool_start(_asking("c1"), "known", step=9)
    with pytest.raises(InvalidInput) as refused:
        resolve_outcome(run_id, call_id, "happened", "x")
    assert refused.value.field == "call_id"
    assert not ToolStart.objects.filter(resolution__isnull=False).exists()


@pytest.mark.django_db
def test_a_call_is_answered_once() -> None:
    _asking("c1", "c2")
    resolve_outcome("r", "c1", "run_again")
    with pytest.raises(InvalidInput, match="call_id"):
        resolve_outcome("r", "c1", "happened", "x")


@pytest.mark.django_db(transaction=True)
def test_two_last_answers_at_once_still_queue_the_run() -> None:
    _asking("c1", "c2")
    with transaction.atomic():
        resolve_outcome("r", "c1", "run_again")
        other = waiting_thread(lambda: resolve_outcome("r", "c2", "run_again"))
    other.join()
    assert Run.objects.get().status == RunStatus.QUEUED
    assert Segment.objects.get().state == SegmentState.READY


@pytest.mark.django_db(transaction=True)
def test_of_fifty_answers_to_one_call_one_counts() -> None:
    _asking("c1")
    results = in_threads(50, lambda n: resolve_outcome("r", "c1", "happened", str(n)))
    winners = [n for n, result in enumerate(results) if result is None]
    assert ToolStart.objects.get().resolution == {"outcome": "happened", "result": str(winners[0])}
    assert [type(r) for r in results if r is not None] == [InvalidInput] * 49
    assert Run.objects.get().events.filter(payload__status="queued").count() == 2
