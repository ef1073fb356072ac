"""Conditions on the arguments of a call, written by people and answered about what a model wrote.

What cannot be told for certain is its own answer: the policy decides what to make of it, always
on the stricter side. So a number written as a text, another case or an invisible character never
leads around a policy.
"""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?", re.ASCII)


class Answer(Enum):
    """What a condition says of a call."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"
    MISSING = "missing"


@dataclass(frozen=True)
class Condition:
    """One checked condition; `field` is a path into the arguments: `order.amount`."""

    field: str
    op: str
    value: Any = None

    def __str__(self) -> str:
        return " ".join(filter(None, (self.field, WORDS[self.op], in_words(self.value))))


WORDS = {
    "equals": "is",
    "not_equals": "is not",
    "greater": "is greater than",
    "at_least": "is at least",
    "less": "is less than",
    "at_most": "is at most",
    "contains": "contains",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "one_of": "is one of",
    "present": "is given",
    "absent": "is not given",
}
_ORDERS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "greater": operator.gt,
    "at_least": operator.ge,
    "less": operator.lt,
    "at_most": operator.le,
}
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "contains": operator.contains,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}
ORDER_OPS, TEXT_OPS, LONE_OPS = tuple(_ORDERS), tuple(_TEXTS), ("present", "absent")


def answer(condition: Condition, arguments: Any) -> Answer:
    """What the condition says of a call's arguments.

    On a path that leads through a list every element counts: all must agree, or it is unsure.

    Args:
        condition: The condition.
        arguments: The parsed arguments; a text where they could not be read faithfully.
    """
    if not isinstance(arguments, dict):
        return Answer.UNSURE
    try:
        return _answer(condition, arguments)
    except RecursionError:  # Nested deeper than Python follows.
        return Answer.UNSURE


def _answer(condition: Condition, arguments: dict[str, Any]) -> Answer:
    values = list(_found(arguments, condition.field.split(".")))
    given = any(value is not None for value in values)
    if condition.op in LONE_OPS:
        return _truth(given == (condition.op == "present"))
    leaves = values if condition.op == "contains" else list(_flat(values))
    return _agreed({_of_value(condition, value) for value in leaves or [None]})


def in_words(value: Any) -> str:
    """A condition's value as people read it."""
    if isinstance(value, list):
        return ", ".join(in_words(item) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"“{value}”" if isinstance(value, str) else "" if value is None else str(value)


def _found(value: Any, path: list[str]) -> Iterator[Any]:
    """The values at the end of a path; None where it leads nowhere."""
    if not path:
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _found(item, path)
    else:
        yield from _found(value[path[0]], path[1:]) if _leads_on(value, path[0]) else [None]


def _leads_on(value: Any, key: str) -> bool:
    return isinstance(value, dict) and key in value


def _flat(values: list[Any]) -> Iterator[Any]:
    for value in values:
        yield from _flat(value) if isinstance(value, list) else [value]


def _agreed(answers: set[Answer]) -> Answer:
    if len(answers) == 1:
        return answers.pop()
    return Answer.MISSING if answers == {Answer.NO, Answer.MISSING} else Answer.UNSURE


def _of_value(condition: Condition, value: Any) -> Answer:
    if value is None:
        return Answer.MISSING
    if condition.op in _ORDERS:
        return _ordered(_ORDERS[condition.op], value, condition.value)
    if condition.op in _TEXTS:
        return _about_text(_TEXTS[condition.op], value, condition.value)
    wanted = condition.value if condition.op == "one_of" else [condition.value]
    among = _among(value, wanted)
    return _opposite(among) if condition.op == "not_equals" else among


def _ordered(compare: Callable[[Decimal, Decimal], bool], value: Any, limit: Any) -> Answer:
    left, right = _number(value), _number(limit)
    if left is None or right is None:
        return Answer.UNSURE
    return _truth(compare(left, right))


def _about_text(compare: Callable[[str, str], bool], value: Any, part: str) -> Answer:
    if isinstance(value, list):  # Only `contains` looks at a list as a whole.
        return _among(part, value)
    if not isinstance(value, str):
        return Answer.UNSURE
    if compare(value, part):
        return Answer.YES
    return Answer.UNSURE if compare(_plain(value), _plain(part)) else Answer.NO


def _among(value: Any, wanted: list[Any]) -> Answer:
    answers = {_equal(value, other) for other in wanted}
    for found in (Answer.YES, Answer.UNSURE):
        if found in answers:
            return found
    return Answer.NO


def _equal(value: Any, other: Any) -> Answer:
    if isinstance(value, str) and isinstance(other, str):
        if value == other:
            return Answer.YES
        return Answer.UNSURE if _plain(value) == _plain(other) else Answer.NO
    if isinstance(value, bool) and isinstance(other, bool):
        return _truth(value == other)
    left, right = _number(value), _number(other)
    return Answer.UNSURE if left is None or right is None else _truth(left == right)


def _number(value: Any) -> Decimal | None:
    """The number that a value is, or plainly spells."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Decimal(str(value))
    spelled = isinstance(value, str) and _NUMBER.fullmatch(value)
    return Decimal(value) if spelled else None


def _plain(text: str) -> str:
    """The text without what readers pass over: case, width, surrounding space, what is unseen."""
    seen = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return "".join(seen).strip().casefold()


def _truth(holds: bool) -> Answer:
    return Answer.YES if holds else Answer.NO


def _opposite(found: Answer) -> Answer:
    return {Answer.YES: Answer.NO, Answer.NO: Answer.YES}.get(found, found)
