"""Resuming: each saved state once, whoever asks and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from tests.services.rows import standing
from tests.workflows.rows import in_threads
from timestep.errors import AlreadyResumed, RunNotFound, WrongStatus
from timestep.models import Run, RunStatus, Segment, SegmentKind, SegmentState
from timestep.services.cancel import cancel
from timestep.services.resume import resume

YES: list[dict[str, Any]] = [{"call_id": "c1", "approve": True, "reason": ""}]
NO: list[dict[str, Any]] = [{"call_id": "c1", "approve": False, "reason": "too much"}]


def _awaiting(revision: int = 1) -> Run:
    return standing("r", RunStatus.AWAITING_APPROVAL, revision=revision)


@pytest.mark.django_db
def test_a_resume_makes_the_next_segment_and_queues_the_run() -> None:
    _awaiting(3)
    segment = resume("r", 3, NO)
    assert (segment.segment_id, segment.n, segment.revision) == ("r:1", 1, 3)
    assert (segment.kind, segment.state) == (SegmentKind.RESUME, SegmentState.READY)
    assert Segment.objects.get(n=1).decisions == NO
    run = Run.objects.get()
    assert run.status == RunStatus.QUEUED
    assert run.events.order_by("-seq")[0].payload == {"status": "queued"}


@pytest.mark.django_db
@pytest.mark.parametrize("status", RunStatus)
def test_the_same_decisions_again_give_the_same_segment(status: RunStatus) -> None:
    _awaiting()
    first = resume("r", 1, YES)
    Run.objects.update(status=status)
    assert resume("r", 1, YES) == first
    assert Segment.objects.count() == 2
    assert Run.objects.get().status == status


@pytest.mark.django_db
def test_other_decisions_on_a_resumed_revision_are_refused() -> None:
    _awaiting()
    resume("r", 1, YES)
    with pytest.raises(AlreadyResumed) as refused:
        resume("r", 1, NO)
    assert (refused.value.run_id, refused.value.revision) == ("r", 1)
    assert Segment.objects.get(n=1).decisions == YES


@pytest.mark.django_db
@pytest.mark.parametrize("status", sorted(set(RunStatus) - {RunStatus.AWAITING_APPROVAL}))
def test_only_a_run_that_waits_is_resumed(status: RunStatus) -> None:
    standing("r", status, revision=1)
    with pytest.raises(WrongStatus) as refused:
        resume("r", 1, YES)
    assert refused.value.status == status
    assert Segment.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("revision", [0, 1, 3])
def test_only_the_latest_revision_is_resumed(revision: int) -> None:
    _awaiting(2)
    with pytest.raises(WrongStatus):
        resume("r", revision, YES)
    assert Run.objects.get().status == RunStatus.AWAITING_APPROVAL


@pytest.mark.django_db
def test_the_second_interruption_gets_the_third_segment() -> None:
    _awaiting()
    resume("r", 1, YES)
    Run.objects.update(status=RunStatus.AWAITING_APPROVAL, revision=2)
    assert resume("r", 2, NO).segment_id == "r:2"


@pytest.mark.django_db
def test_a_resume_is_undone_with_the_callers_transaction() -> None:
    _awaiting()
    with transaction.atomic():
        resume("r", 1, YES)
        transaction.set_rollback(True)
    assert Run.objects.get().status == RunStatus.AWAITING_APPROVAL
    assert Segment.objects.count() == 1


@pytest.mark.django_db
def test_a_run_that_is_not_there_is_named() -> None:
    with pytest.raises(RunNotFound, match="'nope'"):
        resume("nope", 1, YES)


@pytest.mark.django_db(transaction=True)
def test_fifty_equal_resumes_make_one_segment() -> None:
    _awaiting()
    results = in_threads(50, lambda _: resume("r", 1, YES))
    assert [getattr(result, "segment_id", result) for result in results] == ["r:1"] * 50
    assert Segment.objects.count() == 2
    assert Run.objects.get().events.filter(payload__status="queued").count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_fifty_that_disagree_one_side_counts() -> None:
    _awaiting()
    results = in_threads(50, lambda n: resume("r", 1, YES if n % 2 else NO))
    assert Counter(type(result) for result in results) == {Segment: 25, AlreadyResumed: 25}
    kept = Segment.objects.get(n=1).decisions
    assert all(r.decisions == kept for r in results if isinstance(r, Segment))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(3))
def test_resuming_against_cancelling_ends_cancelled(seed: int) -> None:
    _awaiting()
    acts: list[Callable[[], object]] = [lambda: resume("r", 1, YES), lambda: cancel("r", by="bo")]
    results = in_threads(2, lambda n: acts[(n + seed) % 2]())
    resumed, cancelled = results if seed % 2 == 0 else results[::-1]
    assert isinstance(cancelled, Run), cancelled
    assert Run.objects.get().status == RunStatus.CANCELLED
    assert isinstance(resumed, Segment if Segment.objects.count() == 2 else WrongStatus)
    assert not Segment.objects.filter(state=SegmentState.READY).exists()
