"""What the clocks' going forward and back does to a cron line; `cron` has the rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from timestep.services.cron import (
    first_change,
    is_by_time_of_day,
    local_at,
    next_local,
    offset_at,
)

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class ClockChange:
    """A moment at which a zone's clocks are moved, and their offsets before and after it."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def forward(self) -> bool:
        """Whether clocks skip an hour; else it comes twice."""
        return self.after > self.before

    @property
    def starts(self) -> datetime:
        """The local time at which what is skipped, or comes twice, begins."""
        return local_at(self.at, min(self.before, self.after))

    @property
    def ends(self) -> datetime:
        """The local time at which it is over."""
        return local_at(self.at, max(self.before, self.after))


def changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[ClockChange]:
    """Every change of a zone's clocks after `start`, up to `end`."""
    while (at := first_change(zone, start, end)) is not None:
        yield ClockChange(at, offset_at(zone, at - _SECOND), offset_at(zone, at))
        start = at


def effect(line: str, change: ClockChange) -> str:
    """What a change does to a line, in words; empty where it does nothing to it."""
    due = next_local(line, change.starts - _SECOND)
    if due >= change.ends:
        return ""
    between = f"{_clock(change.starts)} to {_clock(change.ends)}"
    if not is_by_time_of_day(line):
        return f"{between} {'is skipped' if change.forward else 'comes twice, and runs twice'}"
    if not change.forward:
        return f"{_clock(due)} comes twice, and runs the first time only"
    moved = due + (change.after - change.before)
    return f"{_clock(due)} does not exist, and runs at {_clock(moved)}"


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
