"""A clock two hours fast, for one look or for longer, and what schedules are like afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from tests.services.schedules import BASE
from tests.workflows.rows import agent
from timestep.models import Run, Schedule, Tick, TickOutcome
from timestep.services.database_clock import database_now
from timestep.services.schedules import save_schedule
from timestep.services.ticking import fire_due

pytestmark = pytest.mark.django_db
TWO_HOURS = timedelta(hours=2)
# Long after every row of the tests: so that nothing is marked by the clock of this machine.
NOON = datetime(2099, 6, 1, 12, 0, tzinfo=UTC)


def every_two_minutes(next_at: datetime, **fields: object) -> Schedule:
    agent("desk")
    schedule = save_schedule({**BASE, "cron": "*/2 * * * *", **fields})
    Schedule.objects.update(next_at=next_at)
    schedule.refresh_from_db()
    return schedule


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def launched() -> list[datetime]:
    rows = Run.objects.order_by("scheduled_at").values_list("scheduled_at", flat=True)
    return [moment for moment in rows if moment is not None]


def test_one_look_by_a_fast_clock_moves_no_schedule() -> None:
    schedule = every_two_minutes(at(2))
    fire_due(at(1) + TWO_HOURS)
    fire_due(at(1))
    schedule.refresh_from_db()
    assert (schedule.next_at, schedule.last_at) == (at(2), None)
    for minute in (2, 4, 6):
        fire_due(at(minute + 0.01))
    assert launched() == [at(2), at(4), at(6), at(0) + TWO_HOURS]


def test_what_was_due_in_truth_is_launched_and_not_missed() -> None:
    every_two_minutes(at(0))
    with patch("timestep.services.ticking.database_now", lambda: at(0.5) + TWO_HOURS):
        fire_due(at(0.5) + TWO_HOURS)
    assert Tick.objects.filter(at=at(0), outcome=TickOutcome.MISSED).exists()
    fire_due(at(0.6))
    fire_due(at(0.6))
    assert launched() == [at(0), at(0) + TWO_HOURS]
    assert Schedule.objects.get().next_at == at(2)


def test_what_a_fast_clock_launched_is_not_launched_again() -> None:
    every_two_minutes(at(2), catch_up=True)
    for _ in range(70):
        fire_due(at(1) + TWO_HOURS)
    ahead = launched()
    assert len(ahead) == 60
    for minute in range(1, 124):
        fire_due(at(minute + 0.01))
    assert launched() == [*ahead, at(122)]


def test_a_schedule_that_was_saved_by_a_fast_clock_comes_in_time() -> None:
    schedule = every_two_minutes(at(2))
    Schedule.objects.update(next_at=at(2) + TWO_HOURS, updated_at=at(1) + TWO_HOURS)
    fire_due(at(1))
    schedule.refresh_from_db()
    assert schedule.next_at == at(2)


def test_one_that_was_over_by_a_fast_clock_goes_on() -> None:
    schedule = every_two_minutes(at(2), ends_at=at(10))
    for _ in range(3):
        fire_due(at(1) + TWO_HOURS)
    assert Schedule.objects.get().next_at is None
    fire_due(at(1))
    schedule.refresh_from_db()
    assert schedule.next_at == at(2)


def test_the_host_of_a_worker_or_of_a_page_may_be_fast() -> None:
    agent("desk")
    with patch.object(timezone, "now", lambda: datetime.now(UTC) + TWO_HOURS):
        schedule = save_schedule({**BASE, "cron": "*/2 * * * *"})
        fire_due()
        now = datetime.now(UTC)
    assert schedule.next_at is not None
    assert schedule.next_at - now <= timedelta(minutes=2, seconds=1)
    assert not Run.objects.exists()


def test_the_time_is_the_databases_also_within_a_transaction() -> None:
    first, second = database_now(), database_now()
    assert first < second
    assert abs(datetime.now(UTC) - first) < timedelta(seconds=30)
