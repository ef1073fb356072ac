"""Schedules: what is refused, and what saving, pausing and resuming do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone

from approvals.models import AuditEntry
from tests.services.schedules import ANA, BASE, due_since, program
from tests.workflows.rows import agent, in_threads
from timestep.errors import InvalidInput, ScheduleNotFound
from timestep.models import AgentSpec, Schedule, Tick
from timestep.services.audit import Actor
from timestep.services.schedules import (
    delete,
    pause,
    resume,
    save_program_schedule,
    save_schedule,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def desk() -> None:
    agent("desk")


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
        ("session_id", "nul\x00"),
        ("session_id", 7),
        ("cron", "0 25 * * *"),
        ("cron", None),
        ("timezone", "Europe/Atlantis"),
        ("timezone", "../../etc/passwd"),
        ("timezone", ""),
        ("timezone", None),
        ("queue", "two words"),
        ("queue", None),
        ("priority", 0),
        ("priority", "high"),
        ("timeout_seconds", -1),
        ("timeout_seconds", "soon"),
        ("overlap", "both"),
        ("overlap", []),
        ("catch_up", "yes"),
        ("agent_version", 2),
        ("agent_version", "latest"),
        ("agent_version", True),
        ("input", "{{ nobody }}"),
        ("name", "new"),
        ("starts_at", "2030-01-01"),
        ("starts_at", datetime(2030, 1, 1)),  # noqa: DTZ001 - that is what is wrong with it
        ("ends_at", datetime(2001, 1, 1, tzinfo=UTC)),
        ("ends_at", datetime(9999, 1, 1, tzinfo=UTC)),
        ("pause_after_failures", 0),
        ("pause_after_failures", 2.5),
        ("paused", "no"),
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


def test_a_name_never_changes() -> None:
    save_schedule(BASE)
    with pytest.raises(ValidationError, match="cannot be changed"):
        save_schedule({"name": "other"}, name="nightly")


def test_who_made_it_and_who_paused_it_is_kept() -> None:
    ana = User.objects.create_user("ana")
    made = save_schedule({**BASE, "paused": True}, by=ana)
    assert (made.created_by, made.paused_by, made.next_at) == (ana, "ana", None)
    assert resume("nightly", by=ANA).paused_by == ""
    assert save_schedule({"input": "x"}, name="nightly").created_by == ana


def test_pausing_says_by_whom_and_why_and_resuming_goes_on_from_now() -> None:
    due_since(2)
    paused = pause("nightly", by=ANA, why="holidays")
    assert (paused.paused_by, paused.paused_why, paused.next_at) == ("ana", "holidays", None)
    assert paused.paused_at is not None
    assert pause("nightly", by=Actor("ben", "page")).paused_by == "ana"
    resumed = resume("nightly", by=ANA)
    assert (resumed.paused_by, resumed.paused_why, resumed.paused_at) == ("", "", None)
    assert resumed.next_at is not None
    assert resumed.next_at > timezone.now()
    for act in (pause, resume, delete):
        with pytest.raises(ScheduleNotFound):
            act("weekly", by=ANA)


def test_a_schedule_goes_with_its_ticks() -> None:
    schedule = save_schedule(BASE)
    Tick.objects.create(schedule=schedule, at=timezone.now())
    delete("nightly", by=ANA)
    assert Schedule.objects.count() == Tick.objects.count() == 0


def test_a_program_makes_one_schedule_by_name_and_changes_it() -> None:
    first = save_program_schedule(program())
    assert first.spec is not None
    assert (first.agent, first.created_from, first.paused) == ("Clock", "clock.py", False)
    again = save_program_schedule(program(cron="0 4 * * *", spec={"other": 1}))
    assert Schedule.objects.count() == 1
    assert again.cron == "0 4 * * *"
    assert AgentSpec.objects.get(digest=again.spec_id).body == {"other": 1}
    kept = again.next_at
    assert save_program_schedule(program(cron="0 4 * * *")).next_at == kept


@pytest.mark.django_db(transaction=True)
def test_programs_that_start_at_once_make_one() -> None:
    results = in_threads(5, lambda _: save_program_schedule(program()))
    assert [one for one in results if isinstance(one, Exception)] == []
    assert Schedule.objects.count() == AgentSpec.objects.count() == 1


def test_a_programs_start_does_not_resume_what_a_person_paused() -> None:
    save_program_schedule(program(paused=True))
    assert save_program_schedule(program()).paused is False
    pause("hourly", by=ANA)
    started = save_program_schedule(program())
    assert (started.paused, started.paused_by, started.next_at) == (True, "ana", None)


def test_a_program_does_not_take_over_what_people_made() -> None:
    save_schedule({**BASE, "name": "hourly"})
    with pytest.raises(InvalidInput, match="made in the dashboard"):
        save_program_schedule(program())


def test_no_tick_lies_before_the_start_or_after_the_end() -> None:
    start = timezone.now().replace(hour=3, minute=0, second=0, microsecond=0) + timedelta(days=9)
    bounded = {**BASE, "starts_at": start, "ends_at": start + timedelta(hours=1)}
    assert save_schedule(bounded).next_at == start
    later = {"starts_at": start + timedelta(minutes=1), "ends_at": start + timedelta(hours=2)}
    assert save_schedule(later, name="nightly").next_at is None
    with pytest.raises(ValidationError, match="before the start"):
        save_schedule({"ends_at": start}, name="nightly")


def test_what_is_over_can_be_changed_and_stays_over() -> None:
    save_schedule({**BASE, "ends_at": timezone.now() + timedelta(days=9)})
    yesterday = timezone.now().replace(microsecond=0) - timedelta(days=1)
    Schedule.objects.update(ends_at=yesterday, next_at=None)
    assert save_schedule({"input": "other"}, name="nightly").next_at is None
    pause("nightly", by=ANA)
    assert resume("nightly", by=ANA).next_at is None


def test_every_change_is_recorded_once() -> None:
    ana = User.objects.create_user("ana")
    save_schedule({**BASE, "timeout_seconds": 2.5}, by=ana, via="page")
    for _ in range(2):
        save_schedule({"input": [{"role": "user", "content": "x"}]}, name="nightly", by=ana)
    for _ in range(2):
        pause("nightly", by=ANA, why="holidays")
    delete("nightly", by=ANA)
    entries = AuditEntry.objects.order_by("number")
    assert {(entry.actor, entry.subject) for entry in entries} == {("ana", "schedule:nightly")}
    created, changed, paused, deleted = entries
    assert created.payload == {**BASE, "timeout_seconds": "2.5"}
    assert changed.payload == {"input": '[{"content":"x","role":"user"}]'}
    assert (paused.payload, deleted.act) == ({"why": "holidays"}, "schedule.deleted")


def test_a_program_that_says_the_same_again_leaves_no_trace() -> None:
    for _ in range(2):
        save_program_schedule(program())
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.via, entry.act) == ("clock.py", "program", "schedule.created")
