"""The next times of a line, and what is said where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from timestep.services.cron import last_before, next_after
from timestep.services.upcoming import changes_ahead, upcoming

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "after", "marked"),
    [
        ("30 2 * * *", SPRING, {"03:30 CEST": "gap"}),
        ("0,30 2 * * *", SPRING, {"03:00 CEST": "gap", "03:30 CEST": "gap"}),
        ("30 2 * * *", AUTUMN, {"02:30 CEST": "repeat"}),
        ("0 */1 * * *", AUTUMN, {"02:00 CEST": "repeat", "02:00 CET": "repeat"}),
        ("0 */4 * * *", SPRING, {}),
        ("30 4 * * *", SPRING, {}),
    ],
)
def test_what_the_clocks_do_is_marked(line: str, after: datetime, marked: dict[str, str]) -> None:
    found = upcoming(line, BERLIN, after)
    assert len(found) == 10
    assert {f"{one.local:%H:%M %Z}": one.mark for one in found if one.mark} == marked
    assert all(one.note for one in found if one.mark)


def test_the_first_time_after_a_skipped_hour_is_marked() -> None:
    found = upcoming("*/30 */1 * * *", BERLIN, datetime(2026, 3, 28, 23, 45, tzinfo=UTC))
    assert [(f"{one.local:%H:%M}", one.note) for one in found if one.mark] == [
        ("03:00", "the clocks skip 02:00 to 03:00 before it")
    ]


def test_nothing_comes_after_the_end() -> None:
    end = datetime(2026, 3, 30, 1, tzinfo=UTC)
    assert len(upcoming("30 2 * * *", BERLIN, SPRING, until=end)) == 2
    assert upcoming("30 2 * * *", BERLIN, end, until=end) == []


def test_the_changes_of_the_year_that_matter_are_told() -> None:
    assert changes_ahead("30 2 * * *", BERLIN, SPRING) == [
        "29 March 2026: 02:30 does not exist, and runs at 03:30",
        "25 October 2026: 02:30 comes twice, and runs the first time only",
        "28 March 2027: 02:30 does not exist, and runs at 03:30",
    ]
    assert changes_ahead("0 7 * * *", BERLIN, SPRING) == []
    assert changes_ahead("30 2 * * *", ZoneInfo("UTC"), SPRING) == []


@pytest.mark.parametrize("line", ["30 2 * * *", "*/30 * * * *", "0 7 * * mon", "0 0 29 2 *"])
def test_the_time_before_is_the_one_whose_next_it_is(line: str) -> None:
    at = next_after(line, BERLIN, AUTUMN)
    before = last_before(line, BERLIN, at)
    assert before is not None
    assert before < at == next_after(line, BERLIN, before)
