"""Letters that hide something from a reader: invisible ones where they do not belong, ones
that turn the direction of what follows, and words whose letters come from several scripts and look
like another word.

A reader who decides on a text must see the text that the tool will get.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from timestep.joiners import belongs, is_reserved

# Letters that show nothing, though Python would print them: blank ones of Korean, Khmer and music,
# the empty pattern of Braille, and what chooses or orders the shapes of others.
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\U00016fe4\U0001d159"
)
_CHOOSING = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# Format characters that are seen: signs that stand around a number or a verse.
_SEEN = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff]"
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


def marked(text: str, *, open_ended: bool = False) -> SafeString:
    """The escaped text: hidden letters show as their number, words of mixed scripts are marked.

    Args:
        text: What a person, a model or a tool wrote.
        open_ended: Whether it is a part of a text whose rest is not known, as while it streams.
    """
    parts = (
        _number(part) if hides else _words(str(escape(part)))
        for hides, part in _parts(text, open_ended)
    )
    return mark_safe("".join(parts))  # noqa: S308  (escaped above)


def isolated(text: str) -> SafeString:
    """The same in a line of other words: it has its own direction, and turns none of them.

    Pages run from left to right: what does so too turns nothing, and needs no element.
    """
    shown = marked(text)
    if not _RIGHT_TO_LEFT.search(shown):
        return shown
    return mark_safe(f'<bdi dir="auto">{shown}</bdi>')  # noqa: S308  (escaped above)


def told(text: str) -> str:
    """The same for a plain line, in which brackets have to do."""
    return "".join(
        f"[U+{ord(part):04X}]"
        if hides
        else _WORD.sub(lambda found: f"{found[0]}{_mixed(found[0], ' [mixes {}]')}", part)
        for hides, part in _parts(text)
    )


def printable(text: str) -> str:
    """The text for a terminal, which nothing in it can steer; line ends and tabs stay."""
    return "".join("\ufffd" if hides else part for hides, part in _parts(text))


def _parts(text: str, open_ended: bool = False) -> Iterator[tuple[bool, str]]:
    """The text in its order: each letter that hides something, and what is between them."""
    odd = "".join(letter for letter in set(text) if _is_odd(letter))
    last = 0
    for found in re.finditer(f"[{re.escape(odd)}]", text) if odd else ():
        at = found.start()
        if found[0] == "\r" and text[at + 1 : at + 2] == "\n":
            continue
        if not belongs(text, at, open_ended=open_ended):
            yield False, text[last:at]
            yield True, found[0]
            last = at + 1
    yield False, text[last:]


def _is_odd(letter: str) -> bool:
    """Whether a letter may hide something; whether it does depends on where it stands."""
    if letter.isprintable():
        return letter in _BLANK or bool(_CHOOSING.match(letter))
    if letter in "\t\n" or letter in _SEEN:
        return False
    category = unicodedata.category(letter)
    return category != "Zs" and not (category == "Cn" and is_reserved(letter))


def _number(letter: str) -> str:
    name = unicodedata.name(letter, "control character").lower()
    # Isolated: a chip must not turn the words around it.
    shape = '<span class="hidden-char" dir="ltr" title="{}">U+{:04X}</span>'
    return shape.format(name, ord(letter))


def _words(shown: str) -> str:
    return shown if shown.isascii() else _WORD.sub(_word, shown)


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
