"""Values of any size and shape, as people read them: typed fields with bounded text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

FIRST = 4096
MOST = 262_144
MOST_FIELDS = 50
_TYPED = re.compile(r"-?[0-9][0-9.,_]{0,40}(e[0-9]{1,4})?|true|false|null|none", re.IGNORECASE)


@dataclass(frozen=True)
class Field:
    """One value: its name, its type in a word, and its text in two parts."""

    name: str
    type: str
    text: str
    rest: str = ""
    cut: int = 0

    @property
    def hidden(self) -> int:
        """How many characters come after the first part."""
        return len(self.rest) + self.cut

    @property
    def looks_typed(self) -> bool:
        """Whether this is a text that could be taken for a number, a yes or no, or none."""
        return self.type == "text" and bool(_TYPED.fullmatch(self.text.strip()))

    @property
    def look(self) -> str:
        """The classes of the text: prose or data, in the line or in a box of its own."""
        font = "text" if self.type == "text" else "text-mono"
        return f"{font} block" if "\n" in self.text or len(self.text) > 400 else font


def fields_of(value: Any) -> list[Field]:
    """The fields of an object, or the one nameless field of anything else."""
    if isinstance(value, dict) and value:
        pairs = list(value.items())
        shown = [field(str(name), item) for name, item in pairs[:MOST_FIELDS]]
        left = dict(pairs[MOST_FIELDS:])
        return [*shown, field(f"{len(left)} more", left)] if left else shown
    return [field("", value)]


def field(name: str, value: Any, first: int | None = FIRST) -> Field:
    """One value as a field.

    Args:
        name: Its name.
        value: Any JSON value.
        first: How much of its text comes before the rest; None shows all, however long.
    """
    text = value if isinstance(value, str) else pretty(value)
    if first is None:
        return Field(name, type_word(value), text)
    return Field(name, type_word(value), text[:first], text[first:MOST], max(0, len(text) - MOST))


def type_word(value: Any) -> str:
    """What kind of JSON value this is."""
    words = {bool: "yes/no", int: "number", float: "number", str: "text", list: "list"}
    return "none" if value is None else words.get(type(value), "object")


def pretty(value: Any) -> str:
    """JSON for people; a value that is no JSON as its text."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def brief(value: Any, most: int = 120) -> str:
    """A value in one short line."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= most else text[: most - 1] + "…"
