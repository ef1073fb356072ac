"""Moments that people type into filters: read in a zone, and kept in addresses without one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from django.utils.dateparse import parse_datetime

from timestep.errors import InvalidInput

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
# An address in which nobody wrote the plus of an offset as %2B.
_LOST_PLUS = re.compile(r"(\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?) (\d\d:\d\d)")
_EXAMPLE = "must be a date (2026-01-31) or a time (2026-01-31T08:30)"


@dataclass(frozen=True)
class Moment:
    """A moment; `is_local` where the text named no offset; `note`: what had to be decided."""

    at: datetime
    is_local: bool
    note: str = ""


def read_moment(name: str, text: str, zone: tzinfo) -> Moment:
    """A date or a time; where it names no offset, in a zone. Of `…_to` a date includes its day.

    Args:
        name: The field, for the message.
        text: What was typed.
        zone: The viewer's.

    Raises:
        InvalidInput: It is none.
    """
    found = _parsed(text)
    if found is None or not 1900 < found.year < 9000:  # Beyond, moving it to UTC can overflow.
        raise InvalidInput(name, _EXAMPLE)
    if name.endswith("_to") and _DATE.fullmatch(text):
        found += timedelta(days=1)
    if found.tzinfo is not None:
        return Moment(found, is_local=False)
    at = found.replace(tzinfo=zone)
    note = "" if _DATE.fullmatch(text) else _doubt(at)
    return Moment(at.astimezone(UTC), True, note)


def as_address(at: datetime) -> str:
    """The moment for an address: the same for viewers in every zone."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def as_field(name: str, at: datetime, zone: tzinfo) -> str:
    """The moment for a field: a date where that reads as the same, with its offset where needed."""
    local = at.astimezone(zone)
    if local.time() == time.min and not _is_twice(local):
        return (local - timedelta(days=name.endswith("_to"))).date().isoformat()
    shown = local.replace(tzinfo=None).isoformat()
    shown = shown.removesuffix(":00") if shown.count(":") > 1 else shown
    return f"{shown}{_offset(local)}" if _is_twice(local) else shown


def _parsed(text: str) -> datetime | None:
    try:
        return parse_datetime(_LOST_PLUS.sub(r"\1+\2", text))
    except ValueError:
        return None


def _doubt(at: datetime) -> str:
    """What the clocks of the zone make of a time that they skip, or show twice."""
    taken = at.astimezone(UTC).astimezone(at.tzinfo)
    if taken.replace(tzinfo=None) != at.replace(tzinfo=None):
        return (
            f"{at:%Y-%m-%d %H:%M} is no time in {at.tzinfo}: the clocks are put forward. "
            f"{taken:%H:%M} was taken."
        )
    if not _is_twice(at):
        return ""
    later = at.replace(fold=1)
    return (
        f"{at:%Y-%m-%d %H:%M} comes twice in {at.tzinfo}: the clocks are put back. The first was "
        f"taken; {_offset(later)} after the time means the second."
    )


def _is_twice(at: datetime) -> bool:
    return at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()


def _offset(at: datetime) -> str:
    text = f"{at:%z}"
    return f"{text[:3]}:{text[3:5]}"
