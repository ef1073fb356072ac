"""Places: who has one, who lends it, and who takes the next."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F

from tests.engine.unit.rows import executing, handed_over, queue
from tests.services.rows import launched, standing, waiting_thread
from tests.workflows.rows import in_threads, worker
from timestep.engine import admission
from timestep.engine.admission import Taker
from timestep.engine.heartbeat import sweep
from timestep.engine.looks import look
from timestep.errors import WrongStatus
from timestep.models import Queue, Run, RunAwait, RunStatus, Segment, SegmentKind, SegmentState
from timestep.services import awaits
from timestep.services.audit import Actor
from timestep.services.cancel import cancel
from timestep.services.moving import move_to_queue
from timestep.services.places import holding
from timestep.services.retry import retry

pytestmark = pytest.mark.django_db
HELD = ("default", "other")


def taken(worker_id: str = "w-1") -> list[str]:
    """What a worker takes in one pass of its dispatcher, in this order."""
    taker = Taker(worker_id, capped=look(worker_id).capped)
    with transaction.atomic():
        free = [*admission.resumes(taker), *admission.continuations(taker)]
        return [segment.run_id for segment in free + admission.startable(taker)]


def resuming(*run_ids: str, kind: SegmentKind = SegmentKind.RESUME, **options: Any) -> None:
    """Runs that a person has decided, or that are retried."""
    for run_id in run_ids:
        launched(run_id, **options)
        Segment.objects.filter(run=run_id).update(kind=kind, n=1)


def nested(run_id: str, by: str, queue: str = "default") -> None:
    """A run that waits, and that a running one awaits."""
    launched(run_id, queue=queue)
    awaits.begin(run_id, by=by, epoch=Run.objects.get(pk=by).epoch)


def test_resumes_then_retries_then_launches_take_what_is_free() -> None:
    queue(concurrency=3, limit=2)
    executing("before")
    launched("new", priority=1)
    launched("newer", priority=1)
    resuming("retried", kind=SegmentKind.CONTINUE)
    resuming("decided")
    assert taken() == ["decided", "retried"]
    Queue.objects.update(concurrency=9)
    assert taken() == ["decided", "retried", "new"]
    Queue.objects.update(concurrency=1)
    assert taken() == []


def test_a_lower_priority_number_goes_on_first() -> None:
    queue(concurrency=2)
    for run_id, priority in (("a", None), ("b", 5), ("c", 1)):
        resuming(run_id, priority=priority)
    assert taken() == ["c", "b"]


def test_each_worker_has_places_of_its_own_for_what_goes_on() -> None:
    queue(worker_concurrency=1)
    executing("mine")
    resuming("a", "b")
    assert (taken("w-1"), taken("w-2")) == ([], ["a"])


def test_no_place_is_given_where_there_is_none_to_give() -> None:
    queue(concurrency=0)
    resuming("a")
    launched("b")
    assert taken() == []


def test_lowering_the_concurrency_lets_nothing_in_until_fewer_execute() -> None:
    queue(concurrency=1)
    executing("a")
    executing("b")
    resuming("c")
    assert taken() == []
    Segment.objects.filter(run="a").update(state=SegmentState.ENDED)
    assert taken() == []
    Segment.objects.filter(run="b").update(state=SegmentState.ENDED)
    assert taken() == ["c"]


@pytest.mark.parametrize("concurrency", [0, 1])
def test_a_takeover_keeps_its_place_and_waits_for_none(
    concurrency: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(concurrency=concurrency)
    worker("w-2")
    executing("lost", "w-2")
    resuming("decided")
    launched("new")
    monkeypatch.setattr("timestep.engine.heartbeat._started_in_dbos", lambda _: set())
    monkeypatch.setattr("timestep.engine.heartbeat.DBOS.delete_queue", lambda _: None)
    assert sweep("w-2", "w-1") == 1
    assert taken() == ["lost"]
    Segment.objects.filter(run="lost").update(state=SegmentState.DISPATCHED, keeps_place=False)
    assert taken() == []


def test_a_retry_keeps_no_place_of_an_earlier_takeover() -> None:
    queue(concurrency=1)
    executing("busy")
    standing("failed", RunStatus.FAILED)
    Segment.objects.filter(run="failed").update(keeps_place=True)
    retry("failed", by="ana")
    assert taken() == []


def test_a_nested_run_takes_the_place_of_the_run_that_awaits_it() -> None:
    queue(concurrency=1)
    executing("outer")
    launched("older")
    nested("inner", "outer")
    assert taken() == ["inner"]
    executing_now("inner")
    nested("innermost", "inner")
    assert taken() == ["innermost"]


def executing_now(run_id: str) -> None:
    """Let a worker have begun a run that waited."""
    Run.objects.filter(pk=run_id).update(status=RunStatus.RUNNING, epoch=1, owner="w-1")
    Segment.objects.filter(run=run_id).update(state=SegmentState.RUNNING, worker="w-1")


def test_one_place_is_lent_to_one_run_at_a_time() -> None:
    queue(concurrency=2)
    executing("outer")
    for n in range(4):
        nested(f"inner-{n}", "outer")
    assert taken() == ["inner-0", "inner-1"]
    executing_now("inner-0")
    executing_now("inner-1")
    launched("new")
    assert taken() == []


def test_a_lent_place_is_no_place_for_others() -> None:
    queue(concurrency=2)
    executing("outer")
    nested("inner", "outer")
    launched("new", priority=1)
    launched("newer", priority=1)
    assert taken() == ["inner", "new"]


def test_through_another_queue_and_back() -> None:
    for name in HELD:
        queue(name, concurrency=1)
    executing("outer")
    nested("between", "outer", "other")
    assert taken() == ["between"]
    executing_now("between")
    nested("inner", "between")
    launched("new")
    assert taken() == ["inner"]


def test_in_another_queue_a_nested_run_needs_a_place() -> None:
    queue("default")
    queue("other", concurrency=1)
    handed_over("busy", queue="other")
    executing("outer")
    nested("inner", "outer", "other")
    assert taken() == []


def test_of_runs_that_await_each_other_across_full_queues_one_goes_on() -> None:
    for name in HELD:
        queue(name, concurrency=1)
    executing("a")
    executing("b")
    Run.objects.filter(pk="b").update(queue="other")
    nested("of-a", "a", "other")
    nested("of-b", "b", "default")
    assert taken() == ["of-b"]
    executing_now("of-b")
    assert taken() == []


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": F("epoch") + 1},
        {"status": RunStatus.AWAITING_APPROVAL},
        {"status": RunStatus.SUCCEEDED},
    ],
    ids=["taken over", "awaits people", "ended"],
)
def test_what_its_run_awaits_no_more_counts_by_itself(change: dict[str, Any]) -> None:
    queue(concurrency=1)
    executing("outer")
    executing("other")
    nested("inner", "outer")
    Run.objects.filter(pk="outer").update(**change)
    assert taken() == []
    assert awaits.forget() == 1
    assert not RunAwait.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres_only
def test_no_row_of_a_queue_without_limits_is_locked() -> None:
    """Nothing that starts or goes on there waits for whoever has that row."""
    queue()
    launched("new")
    resuming("decided")
    found: list[str] = []
    with transaction.atomic():
        Queue.objects.select_for_update().get()
        other = waiting_thread(lambda: found.extend(taken()))
        other.join(5)
        assert not other.is_alive()
    assert found == ["decided", "new"]


@pytest.mark.django_db(transaction=True)
def test_many_workers_never_fill_the_last_place_twice() -> None:
    queue(concurrency=4)
    executing("busy")
    resuming(*(f"r{n:02}" for n in range(25)))
    resuming(*(f"t{n:02}" for n in range(25)), kind=SegmentKind.CONTINUE)

    def admit(n: int) -> int:
        taker = Taker(f"w-{n}", capped=frozenset({"default"}))
        with transaction.atomic():
            chosen = admission.startable(taker)
            ids = [one.pk for one in chosen]
            return Segment.objects.filter(pk__in=ids).update(state=SegmentState.DISPATCHED)

    assert sum(in_threads(50, admit)) == 3
    assert Segment.objects.filter(state=SegmentState.DISPATCHED).count() == 3


def test_a_launch_of_one_script_waits_for_what_goes_on_in_another() -> None:
    queue(concurrency=1)
    for script in ("w-1", "w-2"):
        worker(script)
    resuming("theirs")
    Run.objects.filter(pk="theirs").update(reserved_for="w-2")
    launched("mine", reserved_for="w-1")
    assert taken("w-1") == []
    assert taken("w-2") == ["theirs"]
    Queue.objects.update(concurrency=2)
    assert taken("w-1") == ["mine"]


def test_what_a_script_that_is_gone_had_to_go_on_with_keeps_nobody_waiting() -> None:
    queue(concurrency=1)
    worker("w-2", silent=3600)
    resuming("theirs")
    Run.objects.filter(pk="theirs").update(reserved_for="w-2")
    launched("mine")
    assert taken("w-1") == ["mine"]


@pytest.mark.django_db(transaction=True)
def test_moves_and_cancels_beside_admission_pass_no_cap() -> None:
    queue(concurrency=2)
    queue("other", concurrency=3)
    for n in range(30):
        launched(f"r{n:02}")

    def act(n: int) -> None:
        with suppress(WrongStatus):
            if n % 3 == 0:
                hand_over(f"w-{n}")
            elif n % 3 == 1:
                move_to_queue(f"r{n:02}", "other", by=Actor("ana", "page"))
            else:
                cancel(f"r{n:02}", by="ana")

    assert in_threads(30, act) == [None] * 30
    hand_over("w-1")
    assert (holding("default").count(), holding("other").count()) == (2, 3)
    ended = Segment.objects.filter(run__status=RunStatus.CANCELLED)
    assert set(ended.values_list("state", flat=True)) == {SegmentState.ENDED}


def hand_over(worker_id: str) -> None:
    """One pass of a dispatcher."""
    taker = Taker(worker_id, capped=frozenset({"default", "other"}))
    with transaction.atomic():
        for one in admission.startable(taker):
            ready = Segment.objects.filter(pk=one.pk, state=SegmentState.READY)
            ready.update(state=SegmentState.DISPATCHED, worker=worker_id)
