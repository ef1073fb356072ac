"""Bounds of JSON that people and files hand in: what both databases can store, and no more."""

from __future__ import annotations

import json
import math
from typing import Any

from timestep.errors import InvalidInput

DEEPEST = 64


def checked_text(field: str, text: str, most_bytes: int) -> str:
    """The text, if a database can store it and it is no longer than `most_bytes` in UTF-8."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidInput(field, "contains half a character (a lone surrogate)") from None
    if "\x00" in text:
        raise InvalidInput(field, "contains a NUL character, which databases cannot store")
    if size > most_bytes:
        raise InvalidInput(field, f"is {size} bytes long; {most_bytes} is the most")
    return text


def checked_json(field: str, value: Any, most_bytes: int) -> Any:
    """The value, if it is JSON that a database can store and no larger than `most_bytes`."""
    _walk(field, value, most_bytes, DEEPEST)
    size = len(json.dumps(value, ensure_ascii=False).encode())
    if size > most_bytes:
        raise InvalidInput(field, f"is {size} bytes long as JSON; {most_bytes} is the most")
    return value


def _walk(field: str, value: Any, most_bytes: int, depth: int) -> None:
    if depth == 0:
        raise InvalidInput(field, f"is nested more than {DEEPEST} levels deep")
    if isinstance(value, list):
        members = value
    elif isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise InvalidInput(field, "has a key that is not text")
        members = [*value, *value.values()]
    else:
        _check_leaf(field, value, most_bytes)
        return
    for member in members:
        _walk(field, member, most_bytes, depth - 1)


def _check_leaf(field: str, value: Any, most_bytes: int) -> None:
    if isinstance(value, str):
        checked_text(field, value, most_bytes)
    elif isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput(field, "contains a number that JSON has not (NaN or infinity)")
    elif value is not None and not isinstance(value, bool | int | float):
        raise InvalidInput(field, f"contains a {type(value).__name__}, which is not JSON")
