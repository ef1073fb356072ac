"""Cron lines and when they are next due, in a time zone with changing clocks.

The rule when clocks change (docs/how-to/schedules.md has it with examples): a line whose hour field
begins with `*` is due at every moment whose local time fits it, so at none in an hour that the
clocks skip, and twice in one that comes twice. Any other line names times of the day: one that the
clocks skip is due as much later as they jump (02:30 at 03:30), one that comes twice at its first.

croniter only reads lines and walks through times without a zone; clocks are our own business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, CroniterError, croniter

from timestep.errors import InvalidInput
from timestep.services.cron_faults import fault_of

FIELDS = (
    ("second", "0-59"),
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day of month", "1-31, L or one day with W"),
    ("month", "1-12 or jan-dec"),
    ("day of week", "0-7, sun-sat, 5#2 or L5"),
)
LONGEST = 200
# No H and no R: croniter reads them as "somewhere", another time in every process.
_ALLOWED = re.compile(r"[0-9A-Za-z*,/#?-]+")
_RANDOM = re.compile(r"(?<![A-Za-z])[HRhr](?![A-Za-z])")
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
# The 29th of February comes again after eight years at most.
_LONGEST_LOOK_BACK = timedelta(days=9 * 366)
# No clock was ever moved by more: Samoa and Kwajalein left out a day of the calendar.
LARGEST_JUMP = timedelta(hours=25)


def checked_cron(line: str) -> str:
    """The line with single spaces. Raises InvalidInput that names the field at fault."""
    found = list(re.finditer(r"\S+", line)) if len(line) <= LONGEST else []
    if len(found) not in (5, 6):
        five = ", ".join(name for name, _ in FIELDS[1:])
        has = f"has {len(found)}" if found else f"{line[:20]!r} is empty or too long"
        message = f"must have five fields ({five}), or six with the second before them; it {has}"
        raise InvalidInput("cron", message)
    texts = [match[0] for match in found]
    for place, ((name, takes), match) in enumerate(zip(FIELDS[-len(found) :], found, strict=True)):
        where = f"field {place + 1} ({name}), at character {match.start() + 1},"
        if not _readable(match[0], place, len(found)):
            wrong = f"cannot be read: {match[0]!r}; it takes {takes}, *, lists, ranges and steps"
            raise InvalidInput("cron", f"{where} {wrong}")
        if (fault := fault_of(name, match[0], texts)) is not None:
            raise InvalidInput("cron", f"{where} {fault}")
    return _coming(" ".join(texts))


def _readable(text: str, place: int, count: int) -> bool:
    if not _ALLOWED.fullmatch(text) or _RANDOM.search(text):
        return False
    alone = ["*"] * count
    alone[place] = text
    return croniter.is_valid(" ".join(alone), second_at_beginning=True)


def _coming(line: str) -> str:
    """The line, unless it names a date that the calendar does not have."""
    try:
        next_local(line, datetime(2000, 1, 1))  # noqa: DTZ001 - local time
    except CroniterBadDateError:
        raise InvalidInput("cron", "names a date that never comes") from None
    except CroniterError as error:
        raise InvalidInput("cron", f"cannot be read: {error}") from None
    return line


def next_after(line: str, zone: ZoneInfo, moment: datetime) -> datetime:
    """The first time after `moment` at which the line is due, in UTC."""
    at = moment.astimezone(UTC).replace(microsecond=0) + _SECOND
    by_time_of_day = is_by_time_of_day(line)
    while True:
        found = _first_from(line, zone, at, by_time_of_day=by_time_of_day)
        change = first_change(zone, at, found)
        if change is None:
            return found
        # What comes before the change was looked for; go on under the clocks that it brings.
        at = change


def times_between(line: str, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every time at which the line is due from `start` to `end`, both included, in UTC."""
    moment = next_after(line, zone, start - _SECOND)
    while moment <= end:
        yield moment
        moment = next_after(line, zone, moment)


def last_before(line: str, zone: ZoneInfo, moment: datetime) -> datetime | None:
    """The last time before `moment` at which the line is due; None where it never was."""
    back = timedelta(minutes=1)
    while back < _LONGEST_LOOK_BACK:
        first = next_after(line, zone, moment - back)
        if first < moment:
            return last_until(line, zone, first, moment - _SECOND)
        back *= 2
    return None


def last_until(line: str, zone: ZoneInfo, due: datetime, now: datetime) -> datetime:
    """The last time up to `now` at which the line is due, `due` being one of those times.

    Halves what is left each time: between the two there may be years of seconds.
    """
    low, high = due, now
    while high - low >= _SECOND:
        middle = low + (high - low) / 2
        found = next_after(line, zone, middle)
        if found <= now:
            low = found
        else:
            high = middle
    return low


def is_by_time_of_day(line: str) -> bool:
    """Whether a line names times of the day; see the rule above."""
    return not line.split()[-4].startswith("*")


def next_local(line: str, start: datetime) -> datetime:
    """The first local time after `start`, which has no zone, that fits the line."""
    found: datetime = croniter(line, start, second_at_beginning=True).get_next(datetime)
    return found


def offset_at(zone: ZoneInfo, moment: datetime) -> timedelta:
    """How far the zone's clocks are ahead of UTC at a moment."""
    found = moment.astimezone(zone).utcoffset()
    return timedelta(0) if found is None else found


def local_at(moment: datetime, offset: timedelta) -> datetime:
    """What clocks with this offset show at a moment."""
    return (moment + offset).replace(tzinfo=None)


def _instant(local: datetime, offset: timedelta) -> datetime:
    return local.replace(tzinfo=UTC) - offset


def _first_from(line: str, zone: ZoneInfo, at: datetime, *, by_time_of_day: bool) -> datetime:
    """The first due time from `at` on (included), as if the clocks did not change after it."""
    offset = offset_at(zone, at)
    start = local_at(at, offset)
    changed = first_change(zone, at - LARGEST_JUMP, at) if by_time_of_day else None
    if changed is None:
        return _instant(next_local(line, start - _SECOND), offset)
    before = offset_at(zone, changed - _SECOND)
    # Where clocks went back: not again what came once already.
    start = max(start, local_at(changed, before))
    found = _instant(next_local(line, start - _SECOND), offset)
    # Where they jumped: what they skipped comes by the old clocks.
    skipped = next_local(line, local_at(at, before) - _SECOND)
    if skipped < local_at(changed, offset):
        found = min(found, _instant(skipped, before))
    return found


def first_change(zone: ZoneInfo, start: datetime, end: datetime) -> datetime | None:
    """The first second in (start, end] at which the clocks differ from before, or None."""
    offset = offset_at(zone, start)
    day = start
    while day < end and offset_at(zone, min(day + _DAY, end)) == offset:
        day += _DAY
    if day >= end:
        return None
    low, high = day, min(day + _DAY, end)
    while high - low > _SECOND:
        middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
        low, high = (middle, high) if offset_at(zone, middle) == offset else (low, middle)
    return high
