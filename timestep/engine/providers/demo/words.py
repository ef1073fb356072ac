"""Words as the demo model compares them: lower case, without endings, without small words."""

from __future__ import annotations

import re
from itertools import pairwise

_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def stem(word: str) -> str:
    """A word without the ending of a plural or a tense; good enough to compare with."""
    word = word.lower()
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    for ending in ("ing", "ed", "es", "s"):
        if len(word) > len(ending) + 2 and word.endswith(ending) and not word.endswith("ss"):
            word = word[: -len(ending)]
            break
    return word.rstrip("e") if len(word) > 3 else word


def split_name(name: str) -> list[str]:
    """The words of an identifier: `orderId`, `order_id` and `order-id` are order and id."""
    return [part.lower() for part in _WORD.findall(_CAMEL.sub(" ", name))]


def stems(text: str) -> set[str]:
    """The stems of the words that carry meaning, and of each two neighbours joined."""
    words = [word.lower() for word in _WORD.findall(_CAMEL.sub(" ", text))]
    joined = {stem(a + b) for a, b in pairwise(words)}
    return {stem(word) for word in words if word not in _SMALL} | joined


def name_stems(name: str) -> set[str]:
    """The stems of an identifier's words."""
    return {stem(part) for part in split_name(name)}


def stemmed(words: str) -> frozenset[str]:
    """The stems of words in a row."""
    return frozenset(stem(word) for word in words.split())


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SMALL = _words(
    "a about all also an and any are as at be been but by can could do does each ever every for "
    "from had has have he her here him his how i if in into is it its just like me more my no not "
    "of on one or our out over own please shall she should so some such than that the their them "
    "then there they this those to under up us very was we were what when where which who why "
    "will with would you your"
)
