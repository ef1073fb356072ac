"""Invisible letters that belong where they stand: joiners between letters of scripts whose shapes
they change, the parts of an emoji, variation selectors after what has variants.

Sources: UAX #31 (2.3, joiners in identifiers), UTS #51 (emoji sequences), UTS #37 (ideographic
variants), UTR #36 and UTS #39 (what is hidden else). Where UAX #31 asks for a change of shape, this
asks for the script alone: people write joiners after letters that do not join, too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_Rule = Callable[[str, int], bool]

# Arabic, Syriac, Mandaic, N'Ko, the scripts of India and its neighbours, Mongolian, Phags-pa, and
# those of other planes that join: their letters change by a joiner.
_JOINING = (
    "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\u1a20-\u1aaf\u1b00-\u1c4f\u1cd0-\u1cff"
    "\ua800-\ua82f\ua840-\ua8ff\ua930-\ua9ff\uaa00-\uaa7f\uaae0-\uaaff\uabc0-\uabff"
    "\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
    "\U00010a00-\U00010aff\U00010b80-\U00010baf\U00010d00-\U00010d3f\U00010ec0-\U00010fff"
    "\U00011000-\U00011fff\U0001e900-\U0001e95f"
)
_JOINS = re.compile(f"[{_JOINING}]")
_HEBREW = re.compile("[\u0591-\u05f4\ufb1d-\ufb4f]")
# Scripts without spaces between words: there the invisible one is where a line may break.
_SPACELESS = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\ua9e0-\uaadf]"
)
_VIRAMA = 9  # The combining class of the signs that take a consonant's vowel away.
# Extended_Pictographic, as UTS #51 has it; what is not assigned yet in it is reserved for emoji.
_PICTURES = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u2388\u23cf"
    "\u23e9-\u23f3\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2685\u2690-\u2705"
    "\u2708-\u2712\u2714\u2716\u271d\u2721\u2728\u2733\u2734\u2744\u2747\u274c\u274e\u2753-\u2755"
    "\u2757\u2763-\u2767\u2795-\u2797\u27a1\u27b0\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50"
    "\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff\U0001fc00-\U0001fffd"
)
_PICTURE = re.compile(f"[{_PICTURES}]")
_BEFORE_ZWJ = re.compile(f"[{_PICTURES}\u20e3\ufe0f\U000e007f]")
_TEXT_OR_PICTURE = re.compile(f"[{_PICTURES}0-9#*]")
_IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd]")
# What has standardized variants besides emoji and ideographs: signs of mathematics, Myanmar,
# full-width marks, Phags-pa, Manichaean, and digits (a slashed zero).
_VARIED = re.compile(
    "[0\u1000-\u109f\u2010-\u22ff\u3001\u3002\ua840-\ua87f\uaa60-\uaa7f\uff01-\uff1f"
    "\U00010ac0-\U00010aff\U00013000-\U0001342f]"
)
_MONGOLIAN = re.compile("[\u1807-\u18af]")
_BRAILLE = re.compile("[\u2801-\u28ff]")
# A black flag, the code of a country's part, and the end of it: no more than a flag can say.
_FLAG = re.compile(
    "\U0001f3f4[\U000e0061-\U000e007a]{2}[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,3}\U000e007f"
)
_FLAG_LENGTH = 7


def belongs(text: str, at: int, *, open_ended: bool = False) -> bool:
    """Whether the invisible letter at a position belongs there, so that it hides nothing.

    Args:
        text: The text around it.
        at: Where it is.
        open_ended: Whether the text is a part of a longer one: what stands before its first letter
            and after its last is not known, and counts for the letter.
    """
    rule = _RULES.get(text[at])
    if rule is None:
        rule = _rule_of(text[at])
    if rule is None:
        return False
    if open_ended and (at == 0 or at == len(text) - 1):
        return True
    return rule(text, at)


def is_reserved(letter: str) -> bool:
    """Whether a letter that this Python does not know is one of a newer emoji or ideograph."""
    return bool(_PICTURE.match(letter) or _IDEOGRAPH.match(letter))


def _rule_of(letter: str) -> _Rule | None:
    if "\ufe00" <= letter <= "\ufe0f":
        return _variant
    if "\U000e0100" <= letter <= "\U000e01ef":
        return _ideographic_variant
    if "\U000e0020" <= letter <= "\U000e007f":
        return _in_flag
    return None


def _zwj(text: str, at: int) -> bool:
    before, after = _around(text, at)
    if _PICTURE.match(after) and _BEFORE_ZWJ.match(before):
        return True
    # It gives a letter the shape that it has when it is joined, on the side where nothing is.
    return (_written(before) and bool(_JOINS.match(before))) or _between(before, after)


def _zwnj(text: str, at: int) -> bool:
    before, after = _around(text, at)
    return unicodedata.combining(before or " ") == _VIRAMA or _between(before, after)


def _between(before: str, after: str) -> bool:
    """Between two letters of which at least one changes by a joiner."""
    if not (_written(before) and _written(after)):
        return False
    if _HEBREW.match(before) and unicodedata.combining(after):
        return True
    return bool(_JOINS.match(before) or _JOINS.match(after))


def _written(letter: str) -> bool:
    """Whether it is a letter, a mark on one, or a digit."""
    return bool(letter) and unicodedata.category(letter)[0] in "LMN" and letter.isprintable()


def _line_break(text: str, at: int) -> bool:
    before, after = _around(text, at)
    return bool(_SPACELESS.match(before) and _SPACELESS.match(after))


def _mark_order(text: str, at: int) -> bool:
    """It keeps marks of one letter apart, or in their order."""
    before, after = _around(text, at)
    return bool(before and after and unicodedata.combining(after)) and _written(before)


def _variant(text: str, at: int) -> bool:
    before, _ = _around(text, at)
    if text[at] in "\ufe0e\ufe0f":
        return bool(_TEXT_OR_PICTURE.match(before))
    return bool(_VARIED.match(before) or _IDEOGRAPH.match(before))


def _ideographic_variant(text: str, at: int) -> bool:
    return bool(_IDEOGRAPH.match(_around(text, at)[0]))


def _in_flag(text: str, at: int) -> bool:
    start = text.rfind("\U0001f3f4", max(0, at - _FLAG_LENGTH), at)
    flag = _FLAG.match(text, start) if start >= 0 else None
    return flag is not None and flag.end() > at


def _of_mongolian(text: str, at: int) -> bool:
    return bool(_MONGOLIAN.match(_around(text, at)[0]))


def _in_braille(text: str, at: int) -> bool:
    return any(_BRAILLE.match(beside) for beside in _around(text, at))


def _around(text: str, at: int) -> tuple[str, str]:
    return text[max(0, at - 1) : at], text[at + 1 : at + 2]


_RULES: dict[str, _Rule] = {
    "\u200c": _zwnj,
    "\u200d": _zwj,
    "\u200b": _line_break,
    "\u034f": _mark_order,
    "\u2800": _in_braille,
    **dict.fromkeys("\u180b\u180c\u180d\u180e\u180f", _of_mongolian),
}
