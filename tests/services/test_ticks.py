"""What a tick does under each overlap rule, running now, and backfilling."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.services.schedules import BASE, due_since
from tests.workflows.rows import agent, in_threads
from timestep.errors import InvalidInput, ScheduleNotFound
from timestep.models import Overlap, Run, RunStatus, Schedule, Tick
from timestep.services.backfills import backfill, missing_ticks
from timestep.services.schedules import save_schedule
from timestep.services.ticking import fire_due
from timestep.services.ticks import held_by, run_now
from workflows.errors import AgentInactive
from workflows.services.definitions import save_definition

pytestmark = pytest.mark.django_db
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def desk() -> None:
    agent("desk")


def fire_twice(overlap: Overlap, status: str = "queued") -> tuple[Tick, Tick]:
    """Two ticks, after the first of which its run has this status."""
    due_since(3, cron="* * * * * *", overlap=overlap)
    fire_due()
    Run.objects.update(status=status)
    fire_due()
    first, second = Tick.objects.order_by("at")
    return first, second


def test_allow_starts_beside_what_runs() -> None:
    _, second = fire_twice(Overlap.ALLOW, "running")
    assert (second.outcome, second.note) == ("launched", "")


@pytest.mark.parametrize("status", ["queued", "running", "awaiting_approval"])
def test_skip_notes_what_it_waits_for(status: str) -> None:
    first, second = fire_twice(Overlap.SKIP, status)
    words = status.replace("_", " ")
    assert second.outcome == "skipped"
    assert second.note == f"skipped: run {first.run_id} has not ended ({words})"
    assert Run.objects.count() == 1


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled", "timed_out"])
def test_skip_starts_once_the_one_before_has_ended(status: str) -> None:
    _, second = fire_twice(Overlap.SKIP, status)
    assert second.outcome == "launched"


def test_queue_launches_each() -> None:
    fire_twice(Overlap.QUEUE, "awaiting_approval")
    assert Run.objects.count() == 2


@pytest.mark.parametrize("status", ["queued", "awaiting_approval"])
def test_cancel_running_cancels_and_starts(status: str) -> None:
    first, second = fire_twice(Overlap.CANCEL_RUNNING, status)
    cancelled = Run.objects.get(run_id=first.run_id)
    assert (cancelled.status, cancelled.cancelled_by) == ("cancelled", "schedule nightly")
    assert (second.outcome, second.note) == ("launched", f"cancelled {first.run_id}")


def test_cancel_running_asks_the_worker_once() -> None:
    first, _ = fire_twice(Overlap.CANCEL_RUNNING, "running")
    asked = Run.objects.get(run_id=first.run_id).cancel_requested_at
    assert asked is not None
    fire_due()
    assert Run.objects.get(run_id=first.run_id).cancel_requested_at == asked
    assert Run.objects.filter(status=RunStatus.CANCELLED).count() == 1


def test_nothing_is_cancelled_for_what_cannot_start() -> None:
    due_since(3, cron="* * * * * *", overlap="cancel_running")
    fire_due()
    save_definition({"slug": "desk", "active": False})
    fire_due()
    assert Run.objects.get().status == "queued"
    assert Tick.objects.order_by("-at")[0].outcome == "failed"


@pytest.mark.parametrize(("overlap", "held"), [("queue", True), ("allow", False)])
def test_a_queued_run_knows_what_it_waits_for(overlap: Overlap, *, held: bool) -> None:
    first, second = fire_twice(overlap, "running")
    runs = Run.objects.in_bulk([first.run_id, second.run_id])
    assert held_by(runs[str(first.run_id)]) is None
    assert held_by(runs[str(second.run_id)]) == (runs[str(first.run_id)] if held else None)


def test_run_now_works_on_a_paused_one_and_is_a_tick() -> None:
    ana = User.objects.create_user("ana")
    save_schedule({**BASE, "paused": True})
    run = run_now("nightly", by=ana, launched_from="admin")
    assert (run.launched_by, run.schedule, run.launched_from) == (ana, "nightly", "admin")
    assert (Tick.objects.get().run_id, Tick.objects.get().note) == (run.run_id, "run now by ana")
    save_definition({"slug": "desk", "active": False})
    with pytest.raises(AgentInactive):
        run_now("nightly", by=ana, launched_from="admin")
    assert Tick.objects.count() == 1
    with pytest.raises(ScheduleNotFound):
        run_now("weekly", by=ana, launched_from="admin")


@pytest.mark.parametrize(("overlap", "left"), [("skip", 2), ("queue", 2), ("cancel_running", 1)])
def test_run_now_and_the_overlap_rule(overlap: str, left: int) -> None:
    save_schedule({**BASE, "overlap": overlap})
    for _ in range(2):
        run_now("nightly", by=None, launched_from="script")
    assert Run.objects.filter(status="queued").count() == left
    assert Tick.objects.order_by("at")[0].note == "run now by script"


def test_running_now_again_under_the_same_id_does_nothing_more() -> None:
    save_schedule({**BASE, "overlap": "cancel_running"})
    for _ in range(2):
        run_now("nightly", by=None, launched_from="script", run_id="run_1")
    assert (Run.objects.get().status, Tick.objects.get().run_id) == ("queued", "run_1")


def test_backfilling_launches_each_missing_tick_once_and_in_order() -> None:
    schedule = save_schedule({**BASE, "cron": "0 */6 * * *", "overlap": "skip"})
    end = NEW_YEAR + timedelta(hours=18)
    Tick.objects.create(schedule=schedule, at=NEW_YEAR + timedelta(hours=6), run_id="run_1")
    Tick.objects.create(schedule=schedule, at=end, outcome="missed", note="missed")
    runs = backfill("nightly", NEW_YEAR, end, by=None, launched_from="script")
    hours = [0, 12, 18]
    assert [run.scheduled_at for run in runs] == [NEW_YEAR + timedelta(hours=h) for h in hours]
    assert Tick.objects.get(at=end).note == "backfilled by script"
    assert backfill("nightly", NEW_YEAR, end, by=None, launched_from="script") == []
    assert Tick.objects.count() == 4


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (NEW_YEAR, NEW_YEAR - timedelta(hours=1), "start"),
        (NEW_YEAR, timezone.now() + timedelta(days=9000), "end"),
        (NEW_YEAR, NEW_YEAR + timedelta(hours=2), "end"),
        (NEW_YEAR, NEW_YEAR + timedelta(days=300), "end"),
    ],
)
def test_a_range_that_cannot_be_backfilled_is_named(
    start: datetime, end: datetime, field: str
) -> None:
    schedule = save_schedule({**BASE, "cron": "* * * * * *"})
    with pytest.raises(InvalidInput) as refused:
        missing_ticks(schedule, start, end)
    assert refused.value.field == field


def test_a_backfill_stays_within_the_schedules_own_bounds_and_tells_of_each_tick() -> None:
    bounds = {"starts_at": NEW_YEAR + timedelta(hours=2)}
    save_schedule({**BASE, "cron": "0 * * * *", "input": "{{ scheduled_time }}", **bounds})
    end = NEW_YEAR + timedelta(hours=4)
    runs = backfill("nightly", NEW_YEAR, end, by=None, launched_from="script")
    assert [run.input for run in runs] == ["02:00", "03:00", "04:00"]


@pytest.mark.django_db(transaction=True)
def test_two_backfills_at_once_launch_each_tick_once() -> None:
    save_schedule({**BASE, "cron": "0 * * * *"})
    end = NEW_YEAR + timedelta(hours=9)
    results = in_threads(
        4, lambda _: backfill("nightly", NEW_YEAR, end, by=None, launched_from="script")
    )
    assert sum(len(one) for one in results) == 10
    assert Run.objects.count() == Tick.objects.count() == 10
    assert Schedule.objects.count() == 1
