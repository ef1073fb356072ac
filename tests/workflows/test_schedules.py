"""Schedules: what is refused, who fires, and what is missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone

from tests.workflows.rows import agent, in_threads
from timestep.models import Run
from workflows.errors import AgentInactive, ScheduleNotFound
from workflows.models import Schedule, Tick
from workflows.services.definitions import save_definition
from workflows.services.schedules import fire_due, pause, resume, run_now, save_schedule

pytestmark = pytest.mark.django_db
BASE: dict[str, Any] = {"name": "nightly", "agent": "desk", "input": "hello", "cron": "0 3 * * *"}


@pytest.fixture(autouse=True)
def desk() -> None:
    if Schedule.objects.count() == 0:
        agent("desk")


def due_since(seconds: float, **fields: Any) -> Schedule:
    """A schedule whose next tick came this long ago."""
    schedule = save_schedule({**BASE, **fields})
    schedule.next_at = timezone.now() - timedelta(seconds=seconds)
    schedule.save()
    return schedule


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "two words"),
        ("name", None),
        ("agent", "nobody"),
        ("agent", "nul\x00"),
        ("agent", None),
        ("input", ""),
        ("input", {}),
        ("cron", "0 25 * * *"),
        ("cron", None),
        ("timezone", "Europe/Atlantis"),
        ("timezone", "../../etc/passwd"),
        ("timezone", ""),
        ("timezone", None),
        ("active", "yes"),
        ("colour", "red"),
    ],
)
def test_a_bad_value_is_refused_with_its_field(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        save_schedule({**BASE, field: value})
    assert list(refused.value.message_dict) == [field]
    assert Schedule.objects.count() == 0


def test_the_next_tick_is_in_the_schedules_zone() -> None:
    saved = save_schedule({**BASE, "timezone": "Asia/Kathmandu"})
    assert saved.next_at is not None
    assert saved.next_at.astimezone(UTC).strftime("%H:%M") == "21:15"


def test_saving_keeps_the_next_tick_unless_the_time_changes() -> None:
    before = due_since(5).next_at
    assert save_schedule({"input": "other"}, name="nightly").next_at == before
    moved = save_schedule({"cron": "0 4 * * *"}, name="nightly").next_at
    assert moved is not None
    assert moved > timezone.now()


def test_a_due_tick_launches_once_and_moves_on() -> None:
    schedule = due_since(2)
    at = schedule.next_at
    wait = fire_due()
    run = Run.objects.get()
    assert (run.schedule, run.scheduled_at, run.launched_from) == ("nightly", at, "schedule")
    assert (run.input, run.agent) == ("hello", "desk")
    tick = Tick.objects.get()
    assert (tick.at, tick.run_id, tick.note) == (at, run.run_id, "")
    schedule.refresh_from_db()
    assert schedule.last_at == at
    assert wait is not None
    assert 0 < wait <= 24 * 3600
    fire_due()
    assert Run.objects.count() == 1


def test_a_tick_missed_for_long_is_noted_and_not_caught_up() -> None:
    schedule = due_since(3 * 24 * 3600)
    fire_due()
    assert Run.objects.count() == 0
    assert Tick.objects.get().note.startswith("missed: no worker was alive")
    schedule.refresh_from_db()
    assert schedule.next_at is not None
    assert schedule.next_at > timezone.now()


def test_a_tick_whose_agent_cannot_be_launched_says_why() -> None:
    due_since(2)
    save_definition({"slug": "desk", "active": False})
    fire_due()
    assert Run.objects.count() == 0
    assert Tick.objects.get().note == (
        "not launched: agent desk is inactive; activate its definition to launch it"
    )


def test_a_schedule_whose_zone_is_gone_stops_itself_only() -> None:
    due_since(2)
    Schedule.objects.update(timezone="Mars/Olympus")
    due_since(1, name="other")
    fire_due()
    assert dict(Schedule.objects.values_list("name", "active")) == {"nightly": False, "other": True}
    assert Tick.objects.get(schedule="nightly").note.startswith("paused: ")


def test_paused_schedules_do_not_fire_and_resume_from_now() -> None:
    due_since(2)
    assert pause("nightly").next_at is None
    assert fire_due() is None
    assert Run.objects.count() == 0
    resumed = resume("nightly").next_at
    assert resumed is not None
    assert resumed > timezone.now()
    with pytest.raises(ScheduleNotFound):
        pause("weekly")


def test_run_now_works_on_a_paused_one_and_is_a_tick() -> None:
    ana = User.objects.create_user("ana")
    save_schedule({**BASE, "active": False})
    run = run_now("nightly", by=ana, launched_from="admin")
    assert (run.launched_by, run.schedule, run.launched_from) == (ana, "nightly", "admin")
    assert (Tick.objects.get().run_id, Tick.objects.get().note) == (run.run_id, "run now by ana")
    save_definition({"slug": "desk", "active": False})
    with pytest.raises(AgentInactive):
        run_now("nightly", by=ana, launched_from="admin")
    assert Tick.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_ten_workers_fire_every_tick_once() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(3):
        save_schedule({**BASE, "name": f"s-{number}", "cron": "*/10 * * * * *"})
    Schedule.objects.update(next_at=start)
    results = in_threads(
        10, lambda _: [fire_due(start + timedelta(seconds=10 * tick)) for tick in range(3)]
    )
    assert [one for one in results if isinstance(one, Exception)] == []
    assert Run.objects.count() == Tick.objects.count() == 9
    assert not Tick.objects.exclude(note="").exists()
