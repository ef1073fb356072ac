"""Retrying: which runs can be, and what happens to them."""

from __future__ import annotations

from collections import Counter

import pytest
from django.utils import timezone

from tests.services.rows import launched, standing
from tests.workflows.rows import in_threads
from timestep.errors import (
    DuplicateRun,
    InvalidInput,
    RetryHindered,
    RunNotFound,
    WrongStatus,
)
from timestep.models import Run, RunStatus, Segment, SegmentKind, SegmentState
from timestep.services.retry import RETRYABLE, retry


@pytest.mark.django_db
@pytest.mark.parametrize("status", RETRYABLE)
def test_a_retry_queues_the_run_again_with_a_clean_slate(status: RunStatus) -> None:
    spent = {"executing_ms": 900, "finished_at": timezone.now()}
    standing("r", status, error={"what": "tool"}, cancel_requested_at=timezone.now(), **spent)
    run = retry("r", by="ana")
    assert (run.status, run.error, run.executing_ms) == (RunStatus.QUEUED, None, 0)
    assert (run.finished_at, run.cancel_requested_at) == (None, None)
    segment = run.segments.get()
    assert (segment.kind, segment.state) == (SegmentKind.CONTINUE, SegmentState.READY)
    assert segment.worker is None
    assert [(e.kind, e.payload) for e in run.events.all()[1:]] == [
        ("run.retried", {"by": "ana"}),
        ("status", {"status": "queued"}),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("status", sorted(set(RunStatus) - set(RETRYABLE)))
def test_other_runs_cannot_be_retried(status: RunStatus) -> None:
    standing("r", status)
    with pytest.raises(WrongStatus) as refused:
        retry("r", by="ana")
    assert refused.value.status == status
    assert Segment.objects.get().kind == SegmentKind.START
    assert Run.objects.get().events.count() == 1


@pytest.mark.django_db
def test_the_last_segment_is_the_one_that_goes_on() -> None:
    run = standing("r", RunStatus.FAILED)
    Segment.objects.create(segment_id="r:1", run=run, n=1, state=SegmentState.PARKED)
    retry("r", by="ana")
    states = dict(Segment.objects.values_list("n", "state"))
    assert states == {0: SegmentState.PARKED, 1: SegmentState.READY}


@pytest.mark.django_db
def test_a_retry_is_refused_while_another_run_holds_its_deduplication_id() -> None:
    standing("old", RunStatus.FAILED, dedup_id="d", error={"what": "tool"})
    launched("new", dedup_id="d")
    with pytest.raises(DuplicateRun) as refused:
        retry("old", by="ana")
    assert refused.value.run_id == "new"
    old = Run.objects.get(pk="old")
    assert (old.status, old.error) == (RunStatus.FAILED, {"what": "tool"})
    assert old.segments.get().state == SegmentState.PARKED


@pytest.mark.django_db
def test_a_run_that_is_not_there_is_named() -> None:
    with pytest.raises(RunNotFound, match="'nope'"):
        retry("nope", by="ana")


@pytest.mark.django_db(transaction=True)
def test_of_fifty_retries_one_counts() -> None:
    standing("r", RunStatus.FAILED)
    results = in_threads(50, lambda n: retry("r", by=f"p{n}"))
    assert Counter(type(result) for result in results) == {Run: 1, WrongStatus: 49}
    assert Run.objects.get().events.filter(kind="run.retried").count() == 1


def _failed(kind: str, **answer: object) -> Run:
    run = standing("r", RunStatus.FAILED, error={"type": kind, "step": "", "message": "no"})
    Segment.objects.filter(run=run).update(failed_answer=answer or None)
    return run


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "answer", "why"),
    [
        ("InputGuardrailTripwireTriggered", {}, "refused the input"),
        ("ToolOutputGuardrailTripwireTriggered", {}, "what a call gave"),
        ("ModelBehaviorError", {"used": True}, "were made already"),
        ("ModelRefusalError", {"before": True}, "before people decided"),
        ("MaxTurnsExceeded", {"inside": True}, "as_tool"),
    ],
)
def test_where_nothing_can_help_it_says_why(kind: str, answer: dict[str, bool], why: str) -> None:
    _failed(kind, **answer)
    with pytest.raises(RetryHindered, match=why):
        retry("r", by="ana", max_turns=50)
    assert Run.objects.get().status == RunStatus.FAILED


@pytest.mark.django_db
def test_an_answer_that_failed_is_asked_for_again() -> None:
    _failed("ModelBehaviorError", step_id=5, goes_on_at=9)
    retry("r", by="ana")
    segment = Segment.objects.get()
    assert (segment.renewed_steps, segment.failed_answer) == ({"5": 9}, None)


@pytest.mark.django_db
@pytest.mark.parametrize("turns", [None, 0, 20, 2**40])
def test_a_run_out_of_turns_must_be_given_more(turns: int | None) -> None:
    run = _failed("MaxTurnsExceeded")
    with pytest.raises(InvalidInput, match="max_turns"):
        retry("r", by="ana", max_turns=turns)
    run.refresh_from_db()
    assert (run.status, run.max_turns) == (RunStatus.FAILED, 20)
    assert retry("r", by="ana", max_turns=21).max_turns == 21
    assert Segment.objects.get().max_turns == 21
