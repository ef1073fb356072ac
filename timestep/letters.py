"""Letters that hide something from a reader: invisible ones, ones that turn the direction of what
follows, and words whose letters come from several scripts and look like another word.

A reader who decides on a text must see the text that the tool will get.
"""

from __future__ import annotations

import re
import unicodedata

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

# Tabs and line ends stay.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u180b-\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\uf8ff\ufeff\uffa0\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff]|\r(?!\n)"
)
# The scripts whose letters are taken for one another.
_SCRIPTS = (
    (
        "Latin",
        "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u1e00-\u1eff\uff21-\uff3a\uff41-\uff5a",
    ),
    ("Greek", "\u0370-\u03ff\u1f00-\u1fff"),
    ("Cyrillic", "\u0400-\u052f\u1c80-\u1c8f\u2de0-\u2dff\ua640-\ua69f"),
    ("Armenian", "\u0530-\u058f"),
    ("Cherokee", "\u13a0-\u13ff\uab70-\uabbf"),
)
_OF_SCRIPT = [(name, re.compile(f"[{letters}]")) for name, letters in _SCRIPTS]
_ANY = "".join(letters for _, letters in _SCRIPTS)
_WORD = re.compile(f"[{_ANY}][{_ANY}0-9\u0300-\u036f]*")


def marked(text: str) -> SafeString:
    """The escaped text: hidden letters show as their number, words of mixed scripts are marked."""
    shown = str(escape(text))
    if not shown.isascii():
        shown = _WORD.sub(_word, shown)
    return mark_safe(_HIDDEN.sub(_number, shown))  # noqa: S308  (escaped above)


def told(text: str) -> str:
    """The same for a plain line, in which brackets have to do."""
    if not text.isascii():
        text = _WORD.sub(lambda found: f"{found[0]}{_mixed(found[0], ' [mixes {}]')}", text)
    return _HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def _number(found: re.Match[str]) -> str:
    letter = found[0]
    name = unicodedata.name(letter, "control character").lower()
    return f'<span class="hidden-char" title="{name}">U+{ord(letter):04X}</span>'


def _word(found: re.Match[str]) -> str:
    word = found[0]
    title = _mixed(word, "mixes {} letters: it may look like another word")
    return f'<span class="mixed-script" title="{title}">{word}</span>' if title else word


def _mixed(word: str, shape: str) -> str:
    """The sentence about the scripts of a word, or nothing where it has one."""
    if word.isascii():
        return ""
    scripts = [name for name, letters in _OF_SCRIPT if letters.search(word)]
    return shape.format(" and ".join(scripts)) if len(scripts) > 1 else ""
