"""Texts and JSON values that both databases can keep.

Postgres stores neither NUL nor half of a surrogate pair, in text or in JSON; models, tools and
people can write both.
"""

from __future__ import annotations

import re
from typing import Any

# What events keep of one text; the whole of it is in the checkpoint, and the final output in
# the run. Followers may refuse larger messages (the `websockets` client does above 1 MiB).
EVENT_TEXT_LIMIT = 100_000

# How deep JSON may be: as deep as pydantic reads it, of which structured outputs are made. The
# SDK, templates and both databases follow it further, each to a limit of its own.
MAX_NESTING = 200
DEEP = f"nested more than {MAX_NESTING} levels deep"
_UNSTORABLE = re.compile(r"\\u(?:[dD][89a-fA-F][0-9a-fA-F]{2}|0000)")
# Of escapes, the whole pair first: each half of it alone is unstorable.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL
)


def storable_text(text: str) -> str:
    """The text with U+FFFD in place of characters that a database cannot store."""
    if text.isascii() and "\x00" not in text:
        return text
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\x00", "\ufffd")


def storable(value: Any, left: int = 0) -> Any:
    """A JSON value with every text in it made storable, and no deeper than `MAX_NESTING`.

    Args:
        value: The value.
        left: How many levels are above it.
    """
    if isinstance(value, str):
        return storable_text(value)
    if not isinstance(value, dict | list):
        return value
    if left >= MAX_NESTING:
        return f"({DEEP})"
    if isinstance(value, dict):
        return {storable(key): storable(item, left + 1) for key, item in value.items()}
    return [storable(item, left + 1) for item in value]


def storable_json(text: str) -> str:
    """A text that is read as JSON, with `\\ufffd` for escapes that no database can store.

    Reading it makes half a surrogate pair, or NUL, of six harmless characters.
    """
    text = storable_text(text)
    return _ESCAPE.sub(_storable_escape, text) if _UNSTORABLE.search(text) else text


def _storable_escape(found: re.Match[str]) -> str:
    escape = found[0]
    return "\\ufffd" if _UNSTORABLE.fullmatch(escape) else escape


def is_deep(value: Any) -> bool:
    """Whether a JSON value is nested deeper than `MAX_NESTING`; takes no recursion."""
    level = [value]
    for _ in range(MAX_NESTING + 1):
        inner = [part for part in level if isinstance(part, dict | list)]
        if not inner:
            return False
        level = [
            item for part in inner for item in (part.values() if isinstance(part, dict) else part)
        ]
    return True
