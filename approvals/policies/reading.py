"""Reading what people write into a policy's JSON fields: named errors say what to mend."""

from __future__ import annotations

import math
from typing import Any

from approvals.policies.conditions import LONE_OPS, ORDER_OPS, TEXT_OPS, WORDS, Condition
from timestep.errors import InvalidInput
from timestep.storable import storable

MAX_CONDITIONS = 20
MAX_CHOICES = 100
MAX_TEXT = 1_000
MAX_PATH = 200
MAX_REMINDERS = 10


def read_conditions(value: Any) -> list[Condition]:
    """The conditions of a policy. Raises InvalidInput, on the field `conditions`."""
    if not isinstance(value, list) or len(value) > MAX_CONDITIONS:
        raise _wrong(f"use a list of at most {MAX_CONDITIONS} conditions")
    return [_condition(number, item) for number, item in enumerate(value, 1)]


def read_reminders(value: Any, deadline_seconds: int | None) -> list[int]:
    """Seconds before the deadline. Raises InvalidInput, on the field `reminders`."""
    if not isinstance(value, list) or len(value) > MAX_REMINDERS:
        raise InvalidInput("reminders", f"use a list of at most {MAX_REMINDERS} whole numbers")
    if value and deadline_seconds is None:
        raise InvalidInput("reminders", "go with a deadline: set deadline_seconds, or leave empty")
    for seconds in value:
        whole = isinstance(seconds, int) and not isinstance(seconds, bool)
        if not whole or not 0 < seconds < (deadline_seconds or 0):
            raise InvalidInput(
                "reminders", f"{seconds!r:.40} is no whole number of seconds before the deadline"
            )
    return value


def _condition(number: int, item: Any) -> Condition:
    if not isinstance(item, dict) or not {"field", "op"} <= set(item) <= {"field", "op", "value"}:
        raise _wrong(f'condition {number} must look like {{"field": …, "op": …, "value": …}}')
    field, op, value = item["field"], item["op"], item.get("value")
    if not isinstance(op, str) or op not in WORDS:
        raise _wrong(f"condition {number}: use one of {', '.join(WORDS)} as its op")
    if not isinstance(field, str) or not field.strip() or len(field) > MAX_PATH:
        raise _wrong(f"condition {number}: name a field of the arguments, such as order.amount")
    if storable(item) != item:
        raise _wrong(f"condition {number} holds characters that no database stores")
    problem = _problem(op, value)
    if problem:
        raise _wrong(f"condition {number}: {op} {problem}")
    return Condition(field, op, value)


def _problem(op: str, value: Any) -> str:
    """What is wrong with a value beside this op, if anything is."""
    if op in LONE_OPS:
        return "" if value is None else "takes no value"
    if op in ORDER_OPS:
        return "" if _is_number(value) else "needs a number as its value"
    if op in TEXT_OPS:
        return "" if _is_text(value) and value else "needs a text as its value"
    if op == "one_of":
        return "" if _is_choice(value) else "needs a list of texts, numbers, true or false"
    return "" if _is_plain(value) else "needs a text, a number, true or false as its value"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool) or _is_number(value) or _is_text(value)


def _is_choice(value: Any) -> bool:
    fits = isinstance(value, list) and 0 < len(value) <= MAX_CHOICES
    return fits and all(_is_plain(item) for item in value)


def _wrong(message: str) -> InvalidInput:
    return InvalidInput("conditions", message)
