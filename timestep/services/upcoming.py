"""When a cron line is due next, with what the clocks do to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from timestep.services.clock_changes import ClockChange, changes, effect
from timestep.services.cron import LARGEST_JUMP, is_by_time_of_day, local_at, next_after, next_local

GAP, REPEAT = "gap", "repeat"
_SECOND = timedelta(seconds=1)
# Clocks change twice a year where they do.
_AHEAD = timedelta(days=370)


@dataclass(frozen=True)
class Upcoming:
    """A time at which a line is due.

    `mark` is `gap` or `repeat` where it falls into an hour that the clocks skip or repeat, and
    `note` says what they do to it.
    """

    at: datetime
    local: datetime
    mark: str = ""
    note: str = ""


def upcoming(
    line: str, zone: ZoneInfo, after: datetime, *, until: datetime | None = None, count: int = 10
) -> list[Upcoming]:
    """The next times after a moment at which a line is due, up to `until` (included)."""
    found = []
    for at in islice(_times(line, zone, after, until), count):
        found.append(Upcoming(at, at.astimezone(zone), *_note(line, zone, after, at)))
        after = at
    return found


def changes_ahead(line: str, zone: ZoneInfo, after: datetime) -> list[str]:
    """What the clock changes of the year after a moment do to a line, each with its day."""
    year = changes(zone, after, after + _AHEAD)
    said = [(change, effect(line, change)) for change in islice(year, 4)]
    return [f"{change.ends:%d %B %Y}: {words}".lstrip("0") for change, words in said if words]


def _times(
    line: str, zone: ZoneInfo, after: datetime, until: datetime | None
) -> Iterator[datetime]:
    while True:
        after = next_after(line, zone, after)
        if until is not None and after > until:
            return
        yield after


def _note(line: str, zone: ZoneInfo, before: datetime, at: datetime) -> tuple[str, str]:
    """Mark and note of a time that is due, `before` being the time that was due before it."""
    if is_by_time_of_day(line):
        return _note_of_time_of_day(line, zone, at)
    for change in changes(zone, before, at):
        if change.forward and effect(line, change):
            skipped = f"{change.starts:%H:%M} to {change.ends:%H:%M}"
            return GAP, f"the clocks skip {skipped} before it"
    local = at.astimezone(zone)
    if not _comes_twice(local):
        return "", ""
    which = "second" if local.fold else "first"
    return REPEAT, f"the {which} {local:%H:%M} of that day ({local:%Z})"


def _note_of_time_of_day(line: str, zone: ZoneInfo, at: datetime) -> tuple[str, str]:
    local = at.astimezone(zone)
    if _comes_twice(local):
        return REPEAT, f"{local:%H:%M} comes twice that day: it runs the first time only"
    for change in changes(zone, at - LARGEST_JUMP, at):
        meant = local_at(at.astimezone(UTC), change.before)
        if _skips(change, meant) and next_local(line, meant - _SECOND) == meant:
            return GAP, f"the clocks skip {meant:%H:%M} that day: it runs as much later"
    return "", ""


def _skips(change: ClockChange, local: datetime) -> bool:
    return change.forward and change.starts <= local < change.ends


def _comes_twice(local: datetime) -> bool:
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
