"""The last look at every page: what may not be shown is in no text and no attribute of it.

Pages mask what they show where they read it. This is the one way out behind that, so that a page,
a column of the admin or a title that somebody adds is covered as well.
"""

from __future__ import annotations

import re
from html import escape, unescape
from urllib.parse import unquote_plus

from timestep.masking import masked_text
from timestep.sealing import sealed_link

# What is typed is left to its form: who sends it back would store the mask.
_PARTS = re.compile(
    r"(<!--.*?-->|<(?:script|style|textarea)\b.*?</(?:script|style|textarea)>"
    r"|<(?:[^>\"']|\"[^\"]*\"|'[^']*')*>|<[^>]*>)",
    re.DOTALL | re.IGNORECASE,
)
_OPAQUE = re.compile(r"<(?:!|/|script\b|style\b|textarea\b)", re.IGNORECASE)
_TYPED = ("value=", "name=", "id=", "for=")
_ATTRIBUTE = re.compile(r"(?P<before>[\w:.-]+=)(?P<quote>[\"'])(?P<value>.*?)(?P=quote)", re.DOTALL)


def masked_html(html: str) -> str:
    """The page, masked; links to what has an id that looks like a secret still lead there."""
    plain = unescape(html)
    # In links what is quoted counts as well; nearly no page has anything to mask.
    if _is_clean(plain) and ("%" not in html or _is_clean(unquote_plus(plain))):
        return html
    parts = _PARTS.split(html)
    tags = {tag: _tag(tag) for tag in set(parts[1::2])}  # In a list most are there many times.
    return "".join(tags[part] if number % 2 else _text(part) for number, part in enumerate(parts))


def _is_clean(text: str) -> bool:
    return masked_text(text) == text


def _text(text: str) -> str:
    if text.isspace() or not text:
        return text
    plain = unescape(text)
    shown = masked_text(plain)
    return text if shown == plain else escape(shown)


def _tag(tag: str) -> str:
    return tag if _OPAQUE.match(tag) else _ATTRIBUTE.sub(_attribute, tag)


def _attribute(found: re.Match[str]) -> str:
    if found["before"].lower() in _TYPED:
        return found[0]
    plain = unescape(found["value"])
    shown = sealed_link(plain) if plain.startswith(("/", "?")) else masked_text(plain)
    if shown == plain:
        return found[0]
    return f"{found['before']}{found['quote']}{escape(shown)}{found['quote']}"
