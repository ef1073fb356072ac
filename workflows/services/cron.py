"""Cron lines and when they are next due, in a time zone with changing clocks.

The rule when clocks change: a line whose hour field starts with `*` goes by elapsed time, so every
five minutes stays every five minutes. Any other line names times of the day: one that the clocks
skip runs as much later as they jump (02:30 at 03:30), one that comes twice runs at its first.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, CroniterError, croniter

from timestep.errors import InvalidInput

FIELDS = ("minute", "hour", "day of month", "month", "day of week")
LONGEST = 200
# No H and no R: croniter reads them as "somewhere", another time in every process.
_ALLOWED = re.compile(r"[0-9A-Za-z*,/#?-]+")
_RANDOM = re.compile(r"(?<![A-Za-z])[HRhr](?![A-Za-z])")
# Clocks have never been moved by more than this at once, but for days left out of a calendar.
_LARGEST_JUMP = timedelta(hours=3)


def checked_cron(line: str) -> str:
    """The line with single spaces. Raises InvalidInput that names the field at fault."""
    fields = line.split() if len(line) <= LONGEST else []
    if len(fields) not in (5, 6):
        raise InvalidInput(
            "cron",
            f"must have five fields ({', '.join(FIELDS)}), or six with the second before them",
        )
    names = FIELDS if len(fields) == 5 else ("second", *FIELDS)
    for place, (name, text) in enumerate(zip(names, fields, strict=True)):
        alone = ["*"] * len(fields)
        alone[place] = text
        if not _readable(text, " ".join(alone)):
            raise InvalidInput("cron", f"field {place + 1} ({name}) cannot be read: {text!r}")
    try:
        _times(" ".join(fields), datetime(2000, 1, 1)).get_next(datetime)  # noqa: DTZ001 - local time
    except CroniterBadDateError:
        raise InvalidInput("cron", "names a date that never comes") from None
    except CroniterError as error:
        raise InvalidInput("cron", f"cannot be read: {error}") from None
    return " ".join(fields)


def _readable(text: str, line: str) -> bool:
    if not _ALLOWED.fullmatch(text) or _RANDOM.search(text):
        return False
    return croniter.is_valid(line, second_at_beginning=True)


def next_after(line: str, zone: ZoneInfo, moment: datetime) -> datetime:
    """The first time after `moment` at which the line is due, in UTC."""
    hour = line.split()[-4]
    if hour.startswith("*"):
        return _by_elapsed_time(line, zone, moment.astimezone(UTC))
    return _by_time_of_day(line, zone, moment.astimezone(UTC))


def _times(line: str, start: datetime) -> croniter:
    return croniter(line, start, second_at_beginning=True)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    found = moment.astimezone(zone).utcoffset()
    return timedelta(0) if found is None else found


def _by_elapsed_time(line: str, zone: ZoneInfo, moment: datetime) -> datetime:
    """Every instant whose local time matches: none in a skipped hour, both in a repeated one."""
    while True:
        offset = _offset(zone, moment)
        local = (moment + offset).replace(tzinfo=None)
        found = _times(line, local).get_next(datetime).replace(tzinfo=UTC) - offset
        change = _first_change(zone, moment, found)
        if change is None:
            return found
        # Matches before the change were looked for; go on from just before it, under its offset.
        if _is_due(line, change, zone):
            return change
        moment = change


def _is_due(line: str, moment: datetime, zone: ZoneInfo) -> bool:
    local = moment.astimezone(zone).replace(tzinfo=None)
    return bool(_times(line, local - timedelta(seconds=1)).get_next(datetime) == local)


def _first_change(zone: ZoneInfo, start: datetime, end: datetime) -> datetime | None:
    """The first instant in (start, end] at which the clocks differ from before, or None."""
    offset = _offset(zone, start)
    day = start
    while day < end and _offset(zone, min(day + timedelta(days=1), end)) == offset:
        day += timedelta(days=1)
    if day >= end:
        return None
    low, high = day, min(day + timedelta(days=1), end)
    step = timedelta(seconds=1)
    while high - low > step:
        middle = low + (high - low) / 2
        low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
    return high.replace(microsecond=0)


def _by_time_of_day(line: str, zone: ZoneInfo, moment: datetime) -> datetime:
    """Local times as they are written; Python maps a skipped one to as much later as the jump."""
    earlier = _offset(zone, moment - _LARGEST_JUMP)
    start = (moment + min(earlier, _offset(zone, moment))).replace(tzinfo=None)
    times = _times(line, start)
    while True:
        found = times.get_next(datetime).replace(tzinfo=zone).astimezone(UTC)
        if found > moment:
            return found
