"""Facts that can be read off a text: amounts, numbers, ids, addresses, places, names, reasons."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

_CODES = "EUR|USD|GBP|JPY|CHF|CAD|AUD|SEK|NOK|DKK|PLN|CZK|INR|CNY|BRL"
_CURRENCY_NAMES = {
    "€": "EUR", "euro": "EUR", "$": "USD", "dollar": "USD", "£": "GBP", "pound": "GBP",
    "¥": "JPY", "yen": "JPY", "franc": "CHF",
}  # fmt: skip
# Bounded, and begun only where no number goes on: the text is hostile.
_NUMBER = r"(?<![\w.,])(?:\d{1,3}(?:,\d{3}){1,4}(?:\.\d{1,9})?|\d{1,15}(?:[.,]\d{1,9})?)"
_NAMED = rf"(?:{_CODES})\b|(?:euro|dollar|pound|franc)s?\b|yen\b|[€$£¥]"
_AMOUNT = re.compile(
    rf"(?P<before>(?:[€$£¥]|\b(?:{_CODES}))\s?)(?P<first>{_NUMBER})"
    rf"|(?P<second>{_NUMBER})\s?(?P<after>{_NAMED})",
    re.IGNORECASE,
)
_CURRENCY = re.compile(rf"\b(?:{_CODES})\b|\b(?:euro|dollar|pound|franc)s?\b|\byen\b|[€$£¥]", re.I)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;!?)]")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_STAMP = re.compile(r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2})?")
_TIME = re.compile(r"\b(?:[01]?\d|2[0-3]):[0-5]\d\b")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.I)
_PHONE = re.compile(r"\+\d[\d ()/-]{6,}\d")
_QUOTED = re.compile(r"\"([^\"\n]+)\"|“([^”\n]+)”|(?<!\w)'([^'\n]+)'(?!\w)")
_BARE = re.compile(r"(?<![\w.,#-])-?\d+(?:\.\d+)?(?![\w-]|[.,]\d)")
_MIXED_ID = re.compile(
    r"\b(?=[\w-]{0,40}\d)(?=[\w-]{0,40}[A-Za-z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\b"
)
_LABELLED = re.compile(
    r"\b(order|invoice|ticket|customer|booking|case|room|table|product|item|account|user)"
    r"\b\W*(?:id|number|no\.?|nr\.?)?\W*$",
    re.IGNORECASE,
)
_CAPITALS = r"((?:[A-Z][\w'\u2019-]+)(?:\s+[A-Z][\w'\u2019-]+)*)"
_PLACE = re.compile(rf"\b(in|to|from|near|at|around|of|for)\s+{_CAPITALS}")
_LOW_PLACE = re.compile(r"\bin\s+(?!the\b|my\b|a\b|an\b|this\b|total\b)([a-z]{3,})")
_PERSON = re.compile(
    rf"\b(?:name is|i am|i'm|customer|client|guest|user|for|from|with|by|to)\s+{_CAPITALS}",
)
_BECAUSE = re.compile(r"\b(?:because|due to|since|reason(?:\s+is|:))\s+([^.;!?\n]+)", re.I)
_WISH = re.compile(
    r"^(?:and\s+)?(?:please|can|could|would|will|kindly|i\s+(?:want|need|would|wish)|i'd|refund|"
    r"give|send|help|let)\b",
    re.IGNORECASE,
)
_WORDS = tuple(
    re.findall(r"\w+", "zero one two three four five six seven eight nine ten eleven twelve")
)


@dataclass(frozen=True)
class Amount:
    """An amount of money; the currency is a code, or empty."""

    value: Decimal
    currency: str


@dataclass(frozen=True)
class Facts:
    """What a text says. Everything is read when it is asked for."""

    text: str

    @cached_property
    def amounts(self) -> list[Amount]:
        """Amounts of money, in order."""
        found = _AMOUNT.finditer(self.text)
        return [
            Amount(
                _decimal(m["first"] or m["second"]),
                currency_code((m["before"] or m["after"]).strip()),
            )
            for m in found
        ]

    @cached_property
    def currencies(self) -> list[str]:
        """Currency codes, in order."""
        return [currency_code(name) for name in _CURRENCY.findall(self.text)]

    @cached_property
    def numbers(self) -> list[Decimal]:
        """Plain numbers: no amounts, dates, times or parts of ids; else words such as three."""
        rest = self.text
        for pattern in (_AMOUNT, _STAMP, _DATE, _TIME, _UUID, _PHONE, _EMAIL, _URL):
            rest = pattern.sub(" ", rest)
        found = [Decimal(m[0]) for m in _BARE.finditer(rest) if not _labelled(rest, m.start())]
        return found or [Decimal(_WORDS.index(w)) for w in rest.lower().split() if w in _WORDS]

    @cached_property
    def quoted(self) -> list[str]:
        """What stands in quotation marks."""
        return [next(filter(None, groups)) for groups in _QUOTED.findall(self.text)]

    @cached_property
    def emails(self) -> list[str]:
        """Email addresses."""
        return _EMAIL.findall(self.text)

    @cached_property
    def places(self) -> list[tuple[str, str]]:
        """Places with the word before them (in, to, from …)."""
        found = [
            (m[1].lower(), m[2]) for m in _PLACE.finditer(self.text) if not _CURRENCY.match(m[2])
        ]
        more = [
            ("", w) for m in found for w in re.findall(rf"{m[1]}\s+and\s+{_CAPITALS}", self.text)
        ]
        return found + more or [("in", word) for word in _LOW_PLACE.findall(self.text)]

    def first(self, kind: str) -> str | None:
        """The first date, stamp, time, url, uuid or phone number."""
        patterns = {
            "date": _DATE, "date-time": _STAMP, "time": _TIME, "uri": _URL, "uuid": _UUID,
            "phone": _PHONE,
        }  # fmt: skip
        found = patterns[kind].search(self.text)
        return found[0] if found else None

    def ident(self, nouns: list[str]) -> str | None:
        """An id: the one after these nouns, else one that no other noun stands before."""
        for noun in nouns:
            pattern = (
                rf"\b{re.escape(noun)}s?\b\W*(?:id|number|no\.?|nr\.?)?\W*([A-Za-z]*-?\d[\w-]*)"
            )
            if found := re.search(pattern, self.text, re.IGNORECASE):
                return found[1]
        if found := re.search(r"#([\w-]*\d[\w-]*)", self.text) or self._mixed():
            return found[found.re.groups]
        for number in _BARE.finditer(_AMOUNT.sub(lambda m: " " * len(m[0]), self.text)):
            if not (
                nouns and _LABELLED.search(self.text[max(0, number.start() - 40) : number.start()])
            ):
                return number[0]
        return None

    def _mixed(self) -> re.Match[str] | None:
        rest = self.text
        for pattern in (_URL, _EMAIL, _STAMP, _AMOUNT):
            rest = pattern.sub(" ", rest)
        return _MIXED_ID.search(rest)

    def person(self) -> str | None:
        """The name of a person."""
        found = _PERSON.search(self.text)
        return found[1] if found else None

    def reason(self) -> str:
        """Why something is asked for: what is not the request itself."""
        if found := _BECAUSE.search(self.text):
            return found[1].strip()
        clauses = [clause.strip() for clause in re.split(r"[,;!?\n]|\.(?!\d)", self.text)]
        told = [clause for clause in clauses if clause and not _WISH.match(clause)]
        return ", ".join(told) or self.text.strip()

    def counted(self, noun: str) -> Decimal | None:
        """The number before or after a noun: three people, priority 3."""
        words = "|".join(_WORDS)
        after = rf"\b{re.escape(noun)}\w*\W{{0,3}}(?:is\s+|of\s+|to\s+)?(-?\d+(?:\.\d+)?|{words})\b"
        before = rf"(?<![\w.,])(-?\d+(?:\.\d+)?|{words})\s+{re.escape(noun)}"
        found = re.search(after, self.text, re.I) or re.search(before, self.text, re.I)
        if found is None:
            return None
        word = found[1].lower()
        return Decimal(_WORDS.index(word)) if word in _WORDS else Decimal(word)

    def keyed(self, name: str) -> str | None:
        """The value in `name: value` or `name = value`."""
        spaced = re.escape(name).replace("_", r"[ _-]?")
        pattern = rf"\b{spaced}\s*[=:]\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s,;]+))"
        found = re.search(pattern, self.text, re.IGNORECASE)
        return next((group for group in found.groups() if group), None) if found else None


def _labelled(text: str, start: int) -> bool:
    """Whether the number that starts there is the order 4711 rather than a number of things."""
    return bool(_LABELLED.search(text[max(0, start - 40) : start]))


def currency_code(name: str) -> str:
    """`EUR` for EUR, euros and €."""
    lower = name.lower()
    return _CURRENCY_NAMES.get(lower, _CURRENCY_NAMES.get(lower.rstrip("s"), name.upper()))


def _decimal(text: str) -> Decimal:
    """`1,250.50` and `25,50` alike."""
    if re.fullmatch(r"\d+,\d{1,2}", text):
        return Decimal(text.replace(",", "."))
    return Decimal(text.replace(",", ""))
