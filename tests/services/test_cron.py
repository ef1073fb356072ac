"""Cron lines: what is refused, and when they are due where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from timestep.errors import InvalidInput
from timestep.services.cron import checked_cron, next_after

BERLIN = ZoneInfo("Europe/Berlin")


def due(line: str, start: str, count: int, zone: ZoneInfo = BERLIN) -> list[str]:
    """The next times of a line, as local times with their offsets."""
    moment = datetime.fromisoformat(start).replace(tzinfo=UTC)
    found = []
    for _ in range(count):
        moment = next_after(line, zone, moment)
        found.append(moment.astimezone(zone).strftime("%d %H:%M:%S%z"))
    return found


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("* * * * * * *", "five fields"),
        ("@daily", "five fields"),
        ("* " * 200, "five fields"),
        ("0 25 * * *", r"field 2 \(hour\)"),
        ("0 25 * * * *", r"field 2 \(minute\)|field 3"),
        ("61 * * * * *", r"field 1 \(second\)"),
        ("* * * * 9", r"field 5 \(day of week\)"),
        ("* * 32 * *", r"field 3 \(day of month\)"),
        ("* * * foo *", r"field 4 \(month\)"),
        ("*/0 * * * *", r"field 1 \(minute\)"),
        ("H * * * *", r"field 1 \(minute\)"),
        ("R(0-5) * * * *", r"field 1 \(minute\)"),
        ("1;2 * * * *", r"field 1 \(minute\)"),
        ("0 0 30 2 *", "a date that never comes"),
    ],
)
def test_a_line_that_is_none_is_refused_with_the_place(line: str, wrong: str) -> None:
    if line == "0 25 * * * *":
        assert checked_cron(line) == line  # second 0, minute 25
        return
    with pytest.raises(InvalidInput, match=wrong) as refused:
        checked_cron(line)
    assert refused.value.field == "cron"


def test_the_place_is_counted_in_the_line_as_it_was_written() -> None:
    with pytest.raises(InvalidInput, match=r"field 3 \(day of month\), at character 7, .*'40'"):
        checked_cron(" 0  0 40 * *")


@pytest.mark.parametrize(
    "line", ["*/5 * * * *", "0 9 * * mon-fri", "0 0 L * *", "*/10 * * * * *", "0 0 1 jan,JUL *"]
)
def test_lines_are_kept_with_single_spaces(line: str) -> None:
    assert checked_cron(f"  {line.replace(' ', '   ')} ") == line


def test_six_fields_begin_with_the_second() -> None:
    assert due("*/20 * * * * *", "2026-01-01T00:00:10.5", 3, ZoneInfo("UTC")) == [
        "01 00:00:20+0000", "01 00:00:40+0000", "01 00:01:00+0000"
    ]  # fmt: skip


def test_a_time_that_the_clocks_skip_runs_as_much_later() -> None:
    assert due("30 2 * * *", "2026-03-28T00:00", 3) == [
        "28 02:30:00+0100", "29 03:30:00+0200", "30 02:30:00+0200"
    ]  # fmt: skip
    assert due("0,30 2 * * *", "2026-03-28T12:00", 3) == [
        "29 03:00:00+0200", "29 03:30:00+0200", "30 02:00:00+0200"
    ]  # fmt: skip


def test_a_time_that_comes_twice_runs_at_its_first() -> None:
    assert due("30 2 * * *", "2026-10-24T12:00", 2) == ["25 02:30:00+0200", "26 02:30:00+0100"]


def test_every_half_hour_stays_every_half_hour() -> None:
    assert due("*/30 * * * *", "2026-03-29T00:20", 3) == [
        "29 01:30:00+0100", "29 03:00:00+0200", "29 03:30:00+0200"
    ]  # fmt: skip
    assert due("*/30 * * * *", "2026-10-25T00:10", 5) == [
        "25 02:30:00+0200", "25 02:00:00+0100", "25 02:30:00+0100",
        "25 03:00:00+0100", "25 03:30:00+0100",
    ]  # fmt: skip


def test_half_hour_changes_and_far_dates_work() -> None:
    island = ZoneInfo("Australia/Lord_Howe")
    assert due("*/20 * * * *", "2026-04-04T14:30", 3, island) == [
        "05 01:40:00+1100", "05 01:40:00+1030", "05 02:00:00+1030"
    ]  # fmt: skip
    assert due("0 */12 29 2 *", "2026-10-24T00:00", 2) == ["29 00:00:00+0100", "29 12:00:00+0100"]


@pytest.mark.parametrize("line", ["*/7 * * * *", "0 3 * * *", "15 */4 * * 1"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
def test_a_year_of_ticks_only_goes_forward(line: str, zone: str) -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    for _ in range(400):
        following = next_after(line, ZoneInfo(zone), moment)
        assert following > moment
        moment = following
