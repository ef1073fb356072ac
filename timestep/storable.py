"""Texts and JSON values that both databases can keep.

Postgres stores neither NUL nor half of a surrogate pair, in text or in JSON; models, tools and
people can write both.
"""

from __future__ import annotations

from typing import Any

# What events keep of one text; the whole of it is in the checkpoint, and the final output in
# the run. Followers may refuse larger messages (the `websockets` client does above 1 MiB).
EVENT_TEXT_LIMIT = 100_000


def storable_text(text: str) -> str:
    """The text with U+FFFD in place of characters that a database cannot store."""
    if text.isascii() and "\x00" not in text:
        return text
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\x00", "\ufffd")


def storable(value: Any) -> Any:
    """A JSON value with every text in it made storable."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return value
