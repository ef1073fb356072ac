"""The arguments of a call: from the model's text to the value that is shown, and bound to.

What is shown must be what was meant, so doubtful arguments are kept as the model's own text.
"""

from __future__ import annotations

import json
import math
from typing import Any

from timestep.digests import digest
from timestep.storable import storable, storable_text


def parse_arguments(text: str) -> Any:
    """The JSON value of a call's arguments, or the text itself where that would not be faithful.

    Not faithful: no JSON, NaN or infinity, a key given twice (readers differ in which one they
    take), nesting deeper than Python follows, and characters that a database cannot store.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
        )
        faithful = storable(value) == value
    except (ValueError, RecursionError):
        faithful = False
    return value if faithful else storable_text(text)


def arguments_digest(text: str) -> str:
    """What a request is bound to: the digest of the arguments as they are shown."""
    return digest(parse_arguments(text or "{}"))


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
