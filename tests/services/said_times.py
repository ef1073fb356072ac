"""A second, independent reading of a schedule's words: which local times they promise.

Knows nothing of cron lines: the words alone are taken at what they say.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import datetime

Fits = Callable[[datetime], bool]
MONTHS = {name: number for number, name in enumerate(calendar.month_name) if name}
DAYS = {name: number for number, name in enumerate(calendar.day_name)}
NTH = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}


def says(words: str, at: datetime) -> bool:
    """Whether the words promise a tick at a local time."""
    text = words[0].lower() + words[1:]
    time, day = re.fullmatch(
        r"(every hour, on the hour|every \d+ hours, from [\d:]+ on|.*?)"
        r"((?:, (?:on|in|[A-Z]\w+ to) .*)?)",
        text,
    ).groups()  # type: ignore[union-attr]
    return _time(time.removeprefix("every day "), at) and _day(day.removeprefix(", "), at)


def _listed(text: str) -> list[str]:
    return re.split(r", | and ", text)


def _numbers(text: str) -> set[int]:
    if found := re.fullmatch(r"(\d+) to (\d+)(?: in steps of (\d+))?", text):
        return set(range(int(found[1]), int(found[2]) + 1, int(found[3] or 1)))
    return {int(one) for one in _listed(text)}


def _seconds_of(text: str) -> int:
    parts = [int(part) for part in text.split(":")]
    return parts[0] * 3600 + parts[1] * 60 + (parts[2] if len(parts) > 2 else 0)


def _of_day(at: datetime) -> int:
    return at.hour * 3600 + at.minute * 60 + at.second


def _time(text: str, at: datetime) -> bool:
    if text == "every hour, on the hour":
        return at.minute == at.second == 0
    if re.fullmatch(r"at [\d:]+(?:(?:, | and )[\d:]+)*", text) and ":" in text:
        return _of_day(at) in map(_seconds_of, _listed(text[3:]))
    if found := re.fullmatch(r"every (?:(\d+) hours|hour), from ([\d:]+) on", text):
        past = _of_day(at) - _seconds_of(found[2])
        return past >= 0 and past % (3600 * int(found[1] or 1)) == 0
    if found := re.fullmatch(r"every hour from ([\d:]+) to ([\d:]+)", text):
        first, last = map(_seconds_of, found.groups())
        return first <= _of_day(at) <= last and (_of_day(at) - first) % 3600 == 0
    return _units(text, at)


def _units(text: str, at: datetime) -> bool:
    """Of seconds, minutes and hours, from the smallest that is named to the largest."""
    if found := re.fullmatch(r"(.*) from (\d\d):00 to (\d\d):59", text):
        return int(found[2]) <= at.hour <= int(found[3]) and _units(found[1], at)
    first, *rest = re.split(r" of (?=every|second|minute|hour)", text)
    smallest = re.search(r"second|minute|hour", first)
    assert smallest is not None, text
    fits = smallest[0] == "second" or at.second == 0
    return fits and all(_unit(part, at) for part in [first, *rest])


def _unit(text: str, at: datetime) -> bool:
    if found := re.fullmatch(r"every (?:(\d+) )?(\w+?)s?(?: from \w+ (\d+) on)?", text):
        start, value = int(found[3] or 0), getattr(at, found[2])
        return bool(value >= start and (value - start) % int(found[1] or 1) == 0)
    found = re.fullmatch(r"(?:at )?(second|minute|hour)s? (.*)", text)
    assert found is not None, text
    return getattr(at, found[1]) in _numbers(found[2])


def _day(text: str, at: datetime) -> bool:
    if found := re.fullmatch(r"(.*?),? ?in ([A-Z].*)", text):
        return _month(found[2], at) and (not found[1] or _day(found[1], at))
    return not text or any(_one_day(part, at) for part in text.split(" or on "))


def _month(text: str, at: datetime) -> bool:
    if found := re.fullmatch(r"(\w+) to (\w+)", text):
        return MONTHS[found[1]] <= at.month <= MONTHS[found[2]]
    return at.month in {MONTHS[one] for one in _listed(text)}


def _one_day(text: str, at: datetime) -> bool:
    text = text.removeprefix("on ")
    if found := re.fullmatch(r"(\w+day) to (\w+day)", text):
        return DAYS[found[1]] <= at.weekday() <= DAYS[found[2]]
    if " of " not in text:
        return at.weekday() in {DAYS[one] for one in _listed(text)}
    days, month = text.rsplit(" of ", 1)
    return (month == "the month" or _month(month, at)) and _in_month(days, at)


def _in_month(text: str, at: datetime) -> bool:
    last = calendar.monthrange(at.year, at.month)[1]
    if found := re.fullmatch(
        r"the weekday nearest to day (\d+)(?: or else to the last day)?", text
    ):
        wanted = min(int(found[1]), last)
        days = [day for day in range(1, last + 1) if at.replace(day=day).weekday() < 5]
        return at.day == min(days, key=lambda day: abs(day - wanted))
    if re.match(r"the \w+ \w+day", text):
        return any(_nth(one, at, last) for one in _listed(text))
    if text.endswith("the last day"):
        rest = text.removesuffix("the last day").removesuffix(" and ")
        return at.day == last or bool(rest and _in_month(rest, at))
    return at.day in _numbers(re.sub(r"^days? ", "", text))


def _nth(text: str, at: datetime, last: int) -> bool:
    _, which, day = text.split(" ")
    if at.weekday() != DAYS[day]:
        return False
    return at.day > last - 7 if which == "last" else (at.day + 6) // 7 == NTH[which]
