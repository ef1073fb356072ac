"""Cancelling, in every status and against workers that change it in the same moment."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest
from django.db import transaction
from django.utils import timezone

from tests.services.rows import launched, standing, waiting_thread
from tests.workflows.rows import in_threads
from timestep.errors import RunNotFound, WrongStatus
from timestep.models import ENDED_STATUSES, Run, RunEvent, RunStatus, Segment, SegmentState
from timestep.services.cancel import cancel


@pytest.mark.django_db
@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.AWAITING_APPROVAL])
def test_a_run_that_nobody_executes_is_cancelled_at_once(status: RunStatus) -> None:
    standing("r", status)
    run = cancel("r", by="ana")
    assert run.status == RunStatus.CANCELLED
    assert (run.cancelled_by, run.finished_at) == ("ana", run.cancel_requested_at)
    assert run.segments.get().state == SegmentState.ENDED
    said = run.events.get(payload__status="cancelled", kind="status")
    assert said.payload == {"status": "cancelled", "by": "ana"}


@pytest.mark.django_db
def test_a_run_that_is_handed_over_is_cancelled_with_its_segment() -> None:
    launched("r")
    Segment.objects.update(state=SegmentState.DISPATCHED)
    assert cancel("r", by="ana").status == RunStatus.CANCELLED
    assert Segment.objects.get().state == SegmentState.ENDED


@pytest.mark.django_db
def test_of_a_running_run_the_cancel_is_left_for_its_worker() -> None:
    before = timezone.now()
    standing("r", RunStatus.RUNNING)
    run = cancel("r", by="a" * 300)
    assert (run.status, run.owner, run.finished_at) == (RunStatus.RUNNING, "w-1", None)
    assert run.cancel_requested_at is not None
    assert run.cancel_requested_at >= before
    assert run.cancelled_by == "a" * 200
    assert run.segments.get().state == SegmentState.RUNNING
    assert run.events.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("status", ENDED_STATUSES)
def test_a_run_that_has_ended_stays_as_it_is(status: RunStatus) -> None:
    standing("r", status)
    with pytest.raises(WrongStatus) as refused:
        cancel("r", by="ana")
    assert (refused.value.run_id, refused.value.status) == ("r", status)
    assert Run.objects.get().cancel_requested_at is None


@pytest.mark.django_db
def test_cancelling_twice_is_refused_and_says_that_it_is_cancelled() -> None:
    launched("r")
    cancel("r", by="ana")
    with pytest.raises(WrongStatus, match="is cancelled and cannot be cancelled"):
        cancel("r", by="bo")
    assert Run.objects.get().cancelled_by == "ana"


@pytest.mark.django_db
def test_a_run_that_is_not_there_is_named() -> None:
    with pytest.raises(RunNotFound, match="'nope'"):
        cancel("nope", by="ana")


@pytest.mark.django_db(transaction=True)
def test_of_fifty_cancels_one_counts() -> None:
    launched("r")
    results = in_threads(50, lambda n: cancel("r", by=f"p{n}"))
    assert Counter(type(result) for result in results) == {Run: 1, WrongStatus: 49}
    [winner] = [result for result in results if isinstance(result, Run)]
    assert Run.objects.get().cancelled_by == winner.cancelled_by
    told = RunEvent.objects.filter(payload__status="cancelled").order_by("seq")
    assert [event.kind for event in told] == ["status", "run.finished"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.RUNNING),
        (RunStatus.RUNNING, RunStatus.AWAITING_APPROVAL, RunStatus.CANCELLED),
        (RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.CANCELLED),
        (RunStatus.RUNNING, RunStatus.SUCCEEDED, RunStatus.SUCCEEDED),
    ],
)
def test_a_cancel_counts_against_a_change_that_is_under_way(
    before: RunStatus, after: RunStatus, left: RunStatus
) -> None:
    standing("r", before)

    def ask() -> None:
        with suppress(WrongStatus):
            cancel("r", by="ana")

    with transaction.atomic():
        Run.objects.filter(run_id="r").update(status=after)
        asking = waiting_thread(ask)
    asking.join()
    run = Run.objects.get()
    assert (run.status, bool(run.cancel_requested_at)) == (left, after not in ENDED_STATUSES)
