"""Cron lines where clocks change, against a second reckoning that knows no croniter."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from timestep.services.cron import last_until, next_after, times_between

MINUTE = timedelta(minutes=1)
AROUND = timedelta(days=2)
# Zones, and a day on which the clocks change there, in both directions and by all sorts of jumps.
CHANGES = [
    ("Europe/Berlin", "2026-03-29"), ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-03-08"), ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-04"), ("Australia/Lord_Howe", "2026-10-03"),
    ("Africa/Casablanca", "2026-02-15"), ("Africa/Casablanca", "2026-03-22"),
    ("Antarctica/Troll", "2026-03-29"), ("Antarctica/Troll", "2026-10-25"),
    ("Africa/Cairo", "2026-04-24"), ("America/Santiago", "2026-09-06"),
    ("America/Sao_Paulo", "2018-11-04"), ("America/Caracas", "2016-05-01"),
    ("Asia/Pyongyang", "2018-05-04"), ("Pacific/Apia", "2011-12-30"),
    ("Pacific/Kwajalein", "1993-08-21"), ("Asia/Kathmandu", "2026-03-29"),
]  # fmt: skip
LINES = [
    "30 2 * * *", "*/15 1-3 * * *", "10,20,30,35 2 * * *", "0 0 * * *", "0 2,3 * * *",
    "*/10 0,1,2,3 * * *", "59 23 * * *", "*/5 * * * *", "0 */2 * * *", "0 6 30 12 *",
    "15 2 * * 0", "0 0 13 * 5", "30 2 */2 * 1", "0 2 1-7 * 1-5",
]  # fmt: skip


@functools.cache
def values(text: str, low: int, high: int) -> set[int]:
    """The numbers that a field stands for."""
    found: set[int] = set()
    for part in text.split(","):
        ends, _, step = part.partition("/")
        first, _, last = (f"{low}-{high}" if ends == "*" else ends).partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


def fits(line: str, local: datetime) -> bool:
    """Whether a local time is one that the line names."""
    minute, hour, day, month, weekday = line.split()
    if local.minute not in values(minute, 0, 59) or local.hour not in values(hour, 0, 23):
        return False
    if local.month not in values(month, 1, 12):
        return False
    of_month = local.day in values(day, 1, 31)
    of_week = local.isoweekday() % 7 in {one % 7 for one in values(weekday, 0, 7)}
    return of_month and of_week if "*" in (day, weekday) else of_month or of_week


def each_minute(start: datetime, end: datetime) -> Iterator[datetime]:
    """Every minute from the one to the other."""
    while start <= end:
        yield start
        start += MINUTE


def reckoned(line: str, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """The documented rule, minute by minute."""
    if line.split()[1].startswith("*"):
        moments = each_minute(start, end)
        return [at for at in moments if fits(line, at.astimezone(zone).replace(tzinfo=None))]
    wall = each_minute((start - AROUND).replace(tzinfo=None), (end + AROUND).replace(tzinfo=None))
    # Python takes a skipped time as much later as the jump, and of a repeated one the first.
    found = {at.replace(tzinfo=zone).astimezone(UTC) for at in wall if fits(line, at)}
    return sorted(at for at in found if start <= at <= end)


@pytest.mark.parametrize(("name", "day"), CHANGES)
def test_times_around_a_change_of_clocks(name: str, day: str) -> None:
    zone, midnight = ZoneInfo(name), datetime.fromisoformat(day).replace(tzinfo=UTC)
    start, end = midnight - AROUND, midnight + AROUND
    for line in LINES:
        expected = reckoned(line, zone, start, end)
        assert list(times_between(line, zone, start, end)) == expected, line
        for _ in range(5):
            moment = start + timedelta(seconds=random.randrange(4 * 86400))
            later = [at for at in expected if at > moment]
            found = next_after(line, zone, moment)
            assert found == later[0] if later else found > end, (line, moment)
        if expected:
            assert last_until(line, zone, expected[0], end) == expected[-1], line


def test_the_last_of_years_of_seconds_is_found_quickly() -> None:
    zone = ZoneInfo("Europe/Berlin")
    first, now = datetime(2000, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 5, 0, 0, 7, tzinfo=UTC)
    assert last_until("* * * * * *", zone, first, now) == now.replace(microsecond=0)
    assert last_until("0 0 9-17 * * *", zone, first, now) == datetime(2025, 12, 31, 16, tzinfo=UTC)
