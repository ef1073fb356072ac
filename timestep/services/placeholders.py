"""What the input of a schedule may say about its tick: `{{ scheduled_at }}` and its like.

The names are a closed list and are replaced by texts; nothing in an input is ever evaluated. A
backslash before the braces leaves them as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from timestep.errors import InvalidInput
from timestep.services.cron import last_before, next_after

_BRACES = re.compile(r"(\\?)\{\{(?:([^{}]*)\}\})?")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHOWN = 60


@dataclass(frozen=True)
class TickFacts:
    """What placeholders stand for: a schedule and the time of one of its ticks."""

    schedule: str
    agent: str
    cron: str
    timezone: str
    at: datetime

    @property
    def zone(self) -> ZoneInfo:
        """The schedule's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def local(self) -> datetime:
        """The time of the tick, in the schedule's zone."""
        return self.at.astimezone(self.zone)


@dataclass(frozen=True)
class Placeholder:
    """One name: what it stands for, in words, and how that is worked out."""

    about: str
    text: Callable[[TickFacts], str]


def _iso(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at is not None else ""


def _previous(facts: TickFacts) -> datetime | None:
    found = _last_before(facts.cron, facts.timezone, facts.at)
    return found.astimezone(facts.zone) if found is not None else None


# Schedules that are due together mostly have the same line.
@lru_cache(maxsize=512)
def _last_before(cron: str, timezone: str, at: datetime) -> datetime | None:
    return last_before(cron, ZoneInfo(timezone), at)


def _next(facts: TickFacts) -> datetime:
    return next_after(facts.cron, facts.zone, facts.at).astimezone(facts.zone)


PLACEHOLDERS: Mapping[str, Placeholder] = {
    "scheduled_at": Placeholder("time of the tick", lambda facts: _iso(facts.local)),
    "scheduled_at_utc": Placeholder(
        "the same in UTC", lambda facts: f"{facts.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    ),
    "scheduled_date": Placeholder("its date", lambda facts: f"{facts.local:%Y-%m-%d}"),
    "scheduled_time": Placeholder("its time of day", lambda facts: f"{facts.local:%H:%M}"),
    "scheduled_weekday": Placeholder(
        "its day of the week", lambda facts: _DAYS[facts.local.weekday()]
    ),
    "previous_scheduled_at": Placeholder(
        "time at which the line was due before it", lambda facts: _iso(_previous(facts))
    ),
    "previous_scheduled_date": Placeholder(
        "its date", lambda facts: _iso(_previous(facts)).partition("T")[0]
    ),
    "next_scheduled_at": Placeholder(
        "time at which the line is due after it", lambda facts: _iso(_next(facts))
    ),
    "schedule": Placeholder("name of the schedule", lambda facts: facts.schedule),
    "agent": Placeholder("name of the agent", lambda facts: facts.agent),
    "timezone": Placeholder("the schedule's time zone", lambda facts: facts.timezone),
}


def check_placeholders(given: str | list[Any]) -> None:
    """Refuse an input with braces that stand for nothing. Raises InvalidInput."""
    try:
        _each_text(given, _check)
    except RecursionError:
        raise InvalidInput("input", "is nested too deeply") from None


def has_placeholders(given: str | list[Any]) -> bool:
    """Whether anything in an input would be replaced."""
    found: list[str] = []

    def collect(text: str) -> str:
        found.extend((match[2] or "").strip() for match in _BRACES.finditer(text) if not match[1])
        return text

    _each_text(given, collect)
    return any(name in PLACEHOLDERS for name in found)


def filled(given: str | list[Any], facts: TickFacts) -> Any:
    """The input of one tick: every placeholder in its texts replaced.

    Args:
        given: A text, or a list of input items.
        facts: What they stand for. A name that stands for nothing stays as it is.
    """

    def text(match: re.Match[str]) -> str:
        if match[1]:
            return match[0][1:]
        known = PLACEHOLDERS.get((match[2] or "").strip())
        return known.text(facts) if known else match[0]

    return _each_text(given, lambda one: _BRACES.sub(text, one) if "{{" in one else one)


def _check(text: str) -> str:
    for match in _BRACES.finditer(text):
        name = (match[2] or "").strip()
        if match[1] or name in PLACEHOLDERS:
            continue
        what = "{{ is not closed" if match[2] is None else f"{{{{ {name[:_SHOWN]} }}}} is unknown"
        raise InvalidInput(
            "input",
            f"{what}; there are {', '.join(PLACEHOLDERS)}, and \\{{{{ for the braces themselves",
        )
    return text


def _each_text(given: Any, change: Callable[[str], str]) -> Any:
    """The same value with each of its texts changed; names of fields are none."""
    if isinstance(given, str):
        return change(given)
    if isinstance(given, list):
        return [_each_text(one, change) for one in given]
    if isinstance(given, dict):
        return {name: _each_text(one, change) for name, one in given.items()}
    return given
