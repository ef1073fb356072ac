"""Which segments may start: windows, places, priorities, sessions, versions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from tests.engine.unit.rows import executing, handed_over, queue
from tests.services.rows import launched, standing
from tests.workflows.rows import in_threads
from timestep.engine import admission
from timestep.engine.admission import Taker
from timestep.engine.looks import look
from timestep.engine_version import ENGINE_VERSION
from timestep.models import (
    ENDED_STATUSES,
    Queue,
    Run,
    RunStatus,
    Segment,
    SegmentKind,
    SegmentState,
)
from timestep.services.retry import retry

pytestmark = pytest.mark.django_db


def _startable(worker: str = "w-1") -> list[str]:
    with transaction.atomic():
        return [segment.run_id for segment in admission.startable(Taker(worker))]


ANYBODY = Taker("w-1")


def _launch(*run_ids: str, **options: object) -> None:
    for run_id in run_ids:
        launched(run_id, **options)


def test_a_queue_that_is_named_for_the_first_time_gets_the_default_limits() -> None:
    _launch("r", queue="new")
    assert _startable() == ["r"]
    made = Queue.objects.get(name="new")
    assert (made.limit, made.period_seconds, made.concurrency) == (50, 60.0, None)


def test_lower_priorities_come_first_then_none_then_by_age() -> None:
    for run_id, priority in (("a", None), ("b", 5), ("c", 1), ("d", None), ("e", 5)):
        launched(run_id, priority=priority)
    Run.objects.filter(pk="c").update(created_at=timezone.now() + timedelta(hours=1))
    assert _startable() == ["c", "b", "e", "a", "d"]


def test_a_window_takes_as_many_starts_as_it_has_left() -> None:
    queue(limit=3, period_seconds=60)
    handed_over("before", ago=61)
    handed_over("within", ago=30)
    handed_over("ended", ago=1, state=SegmentState.ENDED, status=RunStatus.SUCCEEDED)
    _launch("a", "b", "c")
    assert _startable() == ["a"]


def test_a_start_in_another_queue_or_of_a_resume_spends_nothing() -> None:
    queue(limit=1)
    handed_over("other", queue="other")
    run = handed_over("old", ago=90, status=RunStatus.RUNNING, state=SegmentState.ENDED)
    fresh = {"kind": SegmentKind.RESUME, "dispatched_at": timezone.now()}
    Segment.objects.create(segment_id="old:1", run=run, n=1, state="running", **fresh)
    _launch("a")
    assert _startable() == ["a"]


def test_what_begins_late_counts_from_when_it_began() -> None:
    # Far from the ends of the window: a machine that is busy may take seconds to come here.
    queue(limit=3, period_seconds=60)
    for run_id, begun in (("late", 20), ("long-ago", 61)):
        handed_over(run_id, ago=75)
        at = timezone.now() - timedelta(seconds=begun)
        Segment.objects.filter(run=run_id).update(started_at=at, state=SegmentState.RUNNING)
    handed_over("on-its-way", ago=75)
    Segment.objects.filter(run="on-its-way").update(started_at=None)
    _launch("a", "b", "c")
    assert _startable() == ["a"]
    assert admission.seconds_until_room(ANYBODY) is None


def test_a_full_window_says_when_it_opens() -> None:
    queue(limit=2, period_seconds=60)
    handed_over("first", ago=50)
    handed_over("second", ago=10)
    assert admission.seconds_until_room(ANYBODY) is None  # Nothing waits.
    _launch("a")
    assert _startable() == []
    assert admission.seconds_until_room(ANYBODY) == pytest.approx(10, abs=5)


def test_the_first_window_to_open_counts_however_many_runs_wait_elsewhere() -> None:
    queue("busy", limit=1, period_seconds=50)
    queue("later", limit=1, period_seconds=500)
    for name in ("busy", "later"):
        handed_over(f"{name}-0", ago=10, queue=name)
        launched(f"x-{name}-1", queue=name)
    _launch(*(f"held-{n:03}" for n in range(101)), queue="held")
    queue("held", concurrency=0)
    assert admission.seconds_until_room(ANYBODY) == pytest.approx(40, abs=5)


def test_a_worker_of_some_queues_leaves_the_others_alone() -> None:
    _launch("mine", queue="mail")
    _launch("not-mine")
    launched("kept", queue="slow")
    Run.objects.filter(pk="kept").update(reserved_for="w-1")
    retried = standing("retried", RunStatus.FAILED, queue="slow")
    retry(retried.run_id, by="ana")
    of_mail = Taker("w-1", queues=frozenset({"mail"}))
    with transaction.atomic():
        assert {one.run_id for one in admission.startable(of_mail)} == {"mine", "kept"}
    assert list(admission.continuations(of_mail)) == []
    both = Taker("w-1", queues=frozenset({"mail", "slow"}))
    assert [one.run_id for one in admission.continuations(both)] == ["retried"]


@pytest.mark.parametrize(("limit", "most"), [(None, admission.BATCH), (0, 0), (100, 16)])
def test_a_pass_takes_at_most_a_batch(limit: int | None, most: int) -> None:
    queue(limit=limit)
    _launch(*(f"r{n:02}" for n in range(18)))
    assert _startable() == [f"r{n:02}" for n in range(most)]


def test_concurrency_counts_what_executes_anywhere_but_not_what_awaits_people() -> None:
    queue(concurrency=3)
    handed_over("dispatched", worker="w-2")
    executing("running", "w-3")
    handed_over("waits", status=RunStatus.AWAITING_APPROVAL, state=SegmentState.ENDED)
    handed_over("parked", status=RunStatus.AWAITING_APPROVAL, state=SegmentState.PARKED)
    handed_over("other", queue="other", status=RunStatus.RUNNING, state=SegmentState.RUNNING)
    _launch("a", "b")
    assert _startable() == ["a"]
    assert admission.seconds_until_room(ANYBODY) is None


def test_worker_concurrency_counts_what_this_worker_executes() -> None:
    queue(worker_concurrency=2)
    executing("mine-1")
    handed_over("theirs", worker="w-2")
    _launch("a", "b", "c")
    assert _startable("w-1") == ["a"]
    assert _startable("w-2") == ["a"]
    assert _startable("w-3") == ["a", "b"]


def test_each_queue_has_its_own_room_within_one_batch() -> None:
    queue("one", concurrency=1)
    queue("two", limit=2)
    queue("wide")
    for name in ("one", "two", "wide"):
        _launch(*(f"{name}-{n:02}" for n in range(16)), queue=name)
    chosen = _startable()
    assert chosen[:3] == ["one-00", "two-00", "two-01"]
    assert chosen[3:] == [f"wide-{n:02}" for n in range(13)]


def test_of_a_session_only_the_oldest_run_starts() -> None:
    _launch("b", "a", session_id="s")
    _launch("c", session_id="t")
    _launch("d", "e")
    assert set(_startable()) == {"b", "c", "d", "e"}
    Run.objects.update(created_at=timezone.now())
    assert set(_startable()) == {"a", "c", "d", "e"}


@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.AWAITING_APPROVAL])
def test_a_session_is_held_while_a_run_of_it_goes_on(status: RunStatus) -> None:
    launched("a", session_id="s")
    standing("z", status, session_id="s", queue="other")
    assert _startable() == []
    assert not admission.anything_waits(ANYBODY)


def test_a_session_is_held_while_a_run_of_it_waits_to_be_taken_over() -> None:
    launched("a", session_id="s")
    standing("z", RunStatus.QUEUED, session_id="s", started_at=timezone.now())
    Segment.objects.filter(run="z").update(kind=SegmentKind.CONTINUE)
    assert _startable() == []
    assert [segment.run_id for segment in admission.continuations(ANYBODY)] == ["z"]


@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.AWAITING_APPROVAL])
def test_a_retry_waits_while_another_run_has_its_session(status: RunStatus) -> None:
    standing("failed", RunStatus.FAILED, session_id="s")
    standing("goes-on", status, session_id="s")
    standing("other", RunStatus.FAILED, session_id="t")
    for run_id in ("failed", "other"):
        retry(run_id, by="ana")
    assert [segment.run_id for segment in admission.continuations(ANYBODY)] == ["other"]
    Run.objects.filter(pk="goes-on").update(status=RunStatus.SUCCEEDED)
    assert [segment.run_id for segment in admission.continuations(ANYBODY)] == ["failed", "other"]


def test_of_two_retries_in_a_session_the_older_run_goes_first() -> None:
    for run_id in ("b", "a"):
        standing(run_id, RunStatus.FAILED, session_id="s", started_at=timezone.now())
        retry(run_id, by="ana")
    assert [segment.run_id for segment in admission.continuations(ANYBODY)] == ["b"]


def test_a_launch_does_not_hold_up_what_goes_on_in_its_session() -> None:
    launched("new", session_id="s")
    standing("older", RunStatus.FAILED, session_id="s")
    retry("older", by="ana")
    assert [segment.run_id for segment in admission.continuations(ANYBODY)] == ["older"]


@pytest.mark.parametrize("status", ENDED_STATUSES)
def test_a_session_is_free_once_its_run_has_ended(status: RunStatus) -> None:
    standing("z", status, session_id="s")
    launched("a", session_id="s")
    assert _startable() == ["a"]


def test_runs_of_other_engine_versions_are_left_alone() -> None:
    _launch("old", "mine", "resumed")
    Segment.objects.filter(run="resumed").update(kind=SegmentKind.RESUME)
    Run.objects.exclude(pk="mine").update(engine_version=ENGINE_VERSION + 1)
    assert _startable() == ["mine"]
    assert list(admission.resumes(ANYBODY)) == []


def test_only_queued_runs_with_a_ready_segment_start() -> None:
    standing("ended", RunStatus.CANCELLED)
    handed_over("given")
    assert not admission.anything_waits(ANYBODY)
    assert _startable() == []
    _launch("a")
    assert admission.anything_waits(ANYBODY)


@pytest.mark.parametrize(
    ("kind", "going_on"),
    [("resume", admission.resumes), ("continue", admission.continuations)],
)
def test_what_goes_on_is_oldest_first_and_no_queue_holds_it(
    kind: str, going_on: Callable[[Taker], QuerySet[Segment]]
) -> None:
    queue(limit=0, concurrency=0)
    for run_id, its in (("b", kind), ("a", kind), ("c", "start")):
        launched(run_id)
        Segment.objects.filter(run=run_id).update(kind=its)
    assert [segment.run_id for segment in going_on(ANYBODY)] == ["b", "a"]
    assert len(look("w-1").specs) == 1


@pytest.mark.django_db(transaction=True)
def test_many_workers_never_fill_one_place_twice() -> None:
    queue(concurrency=3, limit=5)
    _launch(*(f"r{n}" for n in range(8)))

    def admit(n: int) -> int:
        with transaction.atomic():
            chosen = admission.startable(Taker(f"w-{n}"))
            at = {"state": SegmentState.DISPATCHED, "dispatched_at": timezone.now()}
            return Segment.objects.filter(pk__in=[s.pk for s in chosen]).update(**at)

    assert sum(in_threads(10, admit)) == 3
    assert Segment.objects.filter(state=SegmentState.DISPATCHED).count() == 3
