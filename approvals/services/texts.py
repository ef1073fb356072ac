"""Text and arguments that models and people wrote, made fit for both databases.

Postgres stores neither NUL nor half of a surrogate pair, in text or in JSON; a model can write
both. What is shown must be what was meant, so doubtful arguments are kept as the model's own text.
"""

from __future__ import annotations

import json
import math
from typing import Any

SAID_BEFORE_LIMIT = 10_000
_CUT = "… (cut)"


def storable(text: str) -> str:
    """The text with U+FFFD in place of characters that a database cannot store."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\x00", "\ufffd")


def bounded(text: str, limit: int) -> str:
    """The storable text, cut to `limit` characters with a mark that says so."""
    text = storable(text)
    return text if len(text) <= limit else text[: limit - len(_CUT)] + _CUT


def parse_arguments(text: str) -> Any:
    """The JSON value of a call's arguments, or the text itself where that would not be faithful.

    Not faithful: no JSON, NaN or infinity, a key given twice (readers differ in which one they
    take), nesting deeper than Python follows, and characters that a database cannot store.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
        )
        faithful = _is_storable(value)
    except (ValueError, RecursionError):
        faithful = False
    return value if faithful else storable(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is out of range")
    return number


def _is_storable(value: Any) -> bool:
    """Whether every string inside, keys included, can be stored as it is."""
    if isinstance(value, str):
        return storable(value) == value
    if isinstance(value, list):
        return all(_is_storable(item) for item in value)
    if isinstance(value, dict):
        return all(_is_storable(key) and _is_storable(item) for key, item in value.items())
    return True
