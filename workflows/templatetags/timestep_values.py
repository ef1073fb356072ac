"""Arguments, outputs and inputs: hostile values of any size, shown bounded and escaped."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from approvals.models import ApprovalRequest
from workflows.selectors.timeline_rows import brief, parsed

register = template.Library()

FIRST = 4096
MOST = 262_144
MOST_FIELDS = 50
# Letters that are invisible or turn the direction of what follows: shown by their number, since
# a reader who decides on a text must see the text that the tool will get. Tabs and line ends stay.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u180b-\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\uf8ff\ufeff\uffa0\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff]|\r(?!\n)"
)


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
        shown = [_field(str(name), item) for name, item in pairs[:MOST_FIELDS]]
        left = dict(pairs[MOST_FIELDS:])
        return [*shown, _field(f"{len(left)} more", left)] if left else shown
    return [_field("", value)]


def _field(name: str, value: Any) -> Field:
    text = value if isinstance(value, str) else pretty(value)
    cut = max(0, len(text) - MOST)
    return Field(name, type_word(value), text[:FIRST], text[FIRST:MOST], cut)


def type_word(value: Any) -> str:
    """What kind of JSON value this is."""
    words = {bool: "yes/no", int: "number", float: "number", str: "text", list: "list"}
    return "none" if value is None else words.get(type(value), "object")


def pretty(value: Any) -> str:
    """JSON for people; a value that is no JSON as its text."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


@register.inclusion_tag("ui/_value.html")
def value(given: Any) -> dict[str, Any]:
    """Show a value: an object as typed fields, anything else as bounded text."""
    fields = fields_of(given)
    return {"fields": fields, "named": bool(fields[0].name), "raw": isinstance(given, dict)}


@register.filter
def visible(text: Any) -> SafeString:
    """Escaped text in which invisible and direction-changing letters show as their number."""
    given = "" if text is None else str(text)
    return mark_safe(_HIDDEN.sub(_shown, escape(given)))  # noqa: S308  (escaped one step before)


def _shown(found: re.Match[str]) -> str:
    letter = found[0]
    name = unicodedata.name(letter, "control character").lower()
    return f'<span class="hidden-char" title="{name}">U+{ord(letter):04X}</span>'


@register.filter
def from_json(given: Any) -> Any:
    """The value of a JSON text, or the text where it is none."""
    return parsed(given)


@register.filter
def act(asked: ApprovalRequest) -> str:
    """What approving does, in one line: the tool and what it is given."""
    name = asked.tool.replace("_", " ").strip().capitalize()
    given = asked.arguments if isinstance(asked.arguments, dict) else {"": asked.arguments}
    words = ", ".join(f"{key} {brief(value, 40)}".strip() for key, value in given.items())
    shown = _HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", f"{name}: {words}")
    return shown if len(shown) <= 140 else f"{shown[:139]}…"


@register.filter
def first_line(text: Any) -> str:
    """The first line of a text, short."""
    line = str(text or "").strip().split("\n", 1)[0]
    return line if len(line) <= 200 else f"{line[:199]}…"


@register.filter
def as_json(given: Any) -> str:
    """A value as indented JSON."""
    return pretty(given)


@register.filter
def as_text(given: Any) -> str:
    """The text for an editable field: a string as it is, anything else as JSON."""
    return given if isinstance(given, str) else "" if given is None else pretty(given)
