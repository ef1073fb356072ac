"""What is accepted is what the words say: random lines, the words read by a second model."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from tests.services.said_times import says
from timestep.errors import InvalidInput
from timestep.services.cron import checked_cron, next_local
from timestep.services.cron_words import in_words

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
YEAR = datetime(2028, 1, 1), datetime(2029, 1, 1)  # noqa: DTZ001 - local; with a 29 February
SPECIAL = {2: ["L", "1,L", "15W", "W1", "31w", "10-L", "?"], 4: ["L5", "5#2", "mon#1,l0", "?"]}


def part(draw: random.Random, low: int, high: int, names: list[str]) -> str:
    """One part of a field, not always one that is accepted."""

    def value() -> str:
        return draw.choice(names) if names and draw.random() < 0.4 else str(draw.randint(low, high))

    step = f"/{draw.randint(1, 20)}"
    forms = [value(), f"{value()}-{value()}", f"*{step}", f"{value()}{step}"]
    return draw.choice([*forms, f"{value()}-{value()}{step}"])


def field(draw: random.Random, place: int) -> str:
    """A random field of the five."""
    low, high, names = [
        (0, 59, []), (0, 23, []), (1, 31, []), (1, 12, MONTHS), (0, 7, DAYS),
    ][place]  # fmt: skip
    if draw.random() < 0.35:
        return "*"
    if place in SPECIAL and draw.random() < 0.25:
        return draw.choice(SPECIAL[place])
    return ",".join(part(draw, low, high, names) for _ in range(draw.choice([1, 1, 1, 2, 3])))


def accepted(seed: int) -> list[str]:
    """Random lines, those that are accepted."""
    draw, found = random.Random(seed), list[str]()
    while len(found) < 40:
        line = " ".join(field(draw, place) for place in range(5))
        line = f"{draw.choice(['0', '*/20', '7', '5,50'])} {line}" if draw.random() < 0.2 else line
        try:
            found.append(checked_cron(line))
        except InvalidInput:
            continue
    return found


def moments(draw: random.Random, line: str) -> list[datetime]:
    """Times of a year at which to look: random ones, those of the line, and their neighbours."""
    start, end = YEAR
    seconds = int((end - start).total_seconds())
    at = [start + timedelta(seconds=draw.randrange(seconds) // 60 * 60) for _ in range(8)]
    due = [next_local(line, one) for one in at]
    step = [timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)]
    return [*at, *due, *(one + by * sign for one in due for by in step for sign in (1, -1))]


@pytest.mark.parametrize("seed", range(6))
def test_the_words_of_a_line_say_when_it_is_due(seed: int) -> None:
    draw = random.Random(seed)
    for line in accepted(seed):
        words = in_words(line)
        for at in moments(draw, line):
            due = next_local(line, at - timedelta(seconds=1)) == at
            assert says(words, at) == due, (line, words, at)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("5-5 * * * *", r"field 1 \(minute\).*write 5"),
        ("0 0 * jan-jan *", r"field 4 \(month\).*write jan"),
        ("0 0 * * sun-sun", r"field 5 \(day of week\).*write sun"),
        ("50-10/7 * * * *", r"field 1 \(minute\).*list its values"),
        ("0 0 * * sat-tue/2", r"field 5 \(day of week\).*list its values"),
        ("0 0 15W * mon", r"field 3 \(day of month\).*put \* there"),
        ("0 0 15 * 5#2", r"field 5 \(day of week\).*put \* there"),
        ("0 0 1-31 * L5", r"field 5 \(day of week\).*put \* there"),
        ("0 0 * * 0,1,2,3,4,5,6,5#2", r"field 5 \(day of week\).*a second schedule"),
        ("0 0 LW * *", r"field 3 \(day of month\)"),
        ("0 0 L-3 * *", r"field 3 \(day of month\)"),
        ("0 0 1,15W * *", r"field 3 \(day of month\)"),
        ("0 0 * * 5L", r"field 5 \(day of week\)"),
    ],
)
def test_what_would_do_something_else_is_refused_with_the_mend(line: str, wrong: str) -> None:
    with pytest.raises(InvalidInput, match=wrong):
        checked_cron(line)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 0 15W * *", "At 00:00, on the weekday nearest to day 15 of the month"),
        ("0 9 W1 jan *", "At 09:00, on the weekday nearest to day 1 of January"),
        ("0 0 31W * *",
         "At 00:00, on the weekday nearest to day 31 or else to the last day of the month"),
        ("0 0 * * sun-sat#1",
         "At 00:00, on the first Sunday, the first Monday, the first Tuesday, the first Wednesday,"
         " the first Thursday, the first Friday and the first Saturday of the month"),
    ],
)  # fmt: skip
def test_days_that_depend_on_the_month_are_said(line: str, words: str) -> None:
    assert in_words(checked_cron(line)) == words
