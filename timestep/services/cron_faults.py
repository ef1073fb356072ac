"""Fields of a cron line that can be read, but would not do what they seem to say.

croniter takes them, in a way of its own: what a line says in words must be what it does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from croniter import croniter

MONTH_DAY, WEEKDAY = "day of month", "day of week"
_RANGE = re.compile(r"(?P<low>\w+)-(?P<high>\w+)(?:/(?P<step>[0-9]+))?", re.ASCII)
_NTH = re.compile(r"\w+(-\w+)?#[1-5]|l[0-7]", re.ASCII)
_NEAREST = re.compile(r"[0-9]+w|w[0-9]+", re.ASCII)
_NAMES = {str(name): int(value) for table in croniter.ALPHACONV for name, value in table.items()
          if name != "l"}  # fmt: skip


def fault_of(name: str, text: str, line: Sequence[str]) -> str | None:
    """What is wrong with a field, and the mend; None where nothing is.

    Args:
        name: The field's, as in `cron.FIELDS`.
        text: The field.
        line: All fields of the line.
    """
    parts = text.lower().split(",")
    faults = [_fault_of_range(name, part) for part in parts]
    if name == WEEKDAY:
        faults.append(_fault_of_weekdays(parts, line[-3].lower()))
    if name == MONTH_DAY and nearest_day(text) is not None and not _is_any(line[-1]):
        faults.append(f"{text!r} cannot be together with a day of week; put * there")
    return next((fault for fault in faults if fault is not None), None)


def nearest_day(text: str) -> int | None:
    """Of a day of month like `15W`, the weekday nearest to a day, that day; else None."""
    return int(text.lower().strip("w")) if _NEAREST.fullmatch(text.lower()) else None


def _fault_of_range(name: str, part: str) -> str | None:
    found = _RANGE.fullmatch(part.partition("#")[0])
    if found is None or "l" in (found["low"], found["high"]):
        return None
    low, high = _value(found["low"]), _value(found["high"])
    if name == WEEKDAY and (low % 7, high) != (0, 7):
        # Sunday is both 0 and 7, and a range may end with it; 0-7 is the whole week.
        low, high = low % 7, high % 7 or (7 if low % 7 else 0)
    if low == high:
        return f"{part!r} is a range from one value to the same; write {found['low']}, or * for all"
    if low > high and int(found["step"] or 1) > 1:
        return f"{part!r} is a range over the end with a step; list its values with commas"
    return None


def _fault_of_weekdays(parts: Sequence[str], month_day: str) -> str | None:
    nth = [part for part in parts if _NTH.fullmatch(part)]
    if not nth:
        return None
    if len(nth) < len(parts):
        return f"{nth[0]!r} cannot be in a list with other days of the week; make a second schedule"
    if not _is_any(month_day):
        return f"{nth[0]!r} cannot be together with a day of month; put * there"
    return None


def _is_any(text: str) -> bool:
    return text == "?" or "*" in text.split(",")


def _value(text: str) -> int:
    return _NAMES[text] if text in _NAMES else int(text)
