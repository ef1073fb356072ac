"""Times as people type them, in a time zone that they name."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from timestep.errors import InvalidInput
from timestep.services.schedule_checks import YEARS


def read_time(name: str, text: str, zone: ZoneInfo | None) -> datetime | None:
    """A time as browsers send it, in a zone; None for nothing.

    Raises:
        InvalidInput: It is none, or far away; the message names the field.
    """
    if not text or zone is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(name, "is no time; for example 2026-03-29T07:00") from None
    if at.year not in YEARS:
        raise InvalidInput(name, f"use a year from {YEARS[0]} to {YEARS[-1]}")
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)


def read_range(start: str, end: str, zone: ZoneInfo | None) -> tuple[datetime, datetime]:
    """Two times that were typed, in a zone. Raises InvalidInput that names the field."""
    if zone is None:
        raise InvalidInput("timezone", "of the schedule is no time zone any more; change it first")
    first, last = read_time("start", start, zone), read_time("end", end, zone)
    if first is None:
        raise InvalidInput("start", "say from when")
    if last is None:
        raise InvalidInput("end", "say until when")
    return first, last


def as_typed(at: datetime, zone: ZoneInfo) -> str:
    """A time as the field of a form takes it."""
    return f"{at.astimezone(zone):%Y-%m-%dT%H:%M:%S}"
