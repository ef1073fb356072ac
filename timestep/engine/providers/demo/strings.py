"""Strings and yes-or-no values for a property, read off a text by the property's name and hints."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from timestep.engine.providers.demo.facts import Facts
from timestep.engine.providers.demo.words import name_stems, split_name, stem, stemmed, stems

Schema = Mapping[str, Any]
Reader = Callable[[str, Schema, Facts], "str | None"]

_MAX_WORDS = 500
_GENERIC = frozenset({"id", "number", "no", "nr", "num", "ref", "reference", "code", "key"})
_NOT = re.compile(r"\b(?:no|not|without|don't|do not|never)\s+(?:\w+\s+)?$", re.IGNORECASE)
_EXAMPLES = re.compile(
    r"(?:for example|e\.g\.|such as|one of)[:,]?\s+((?:[^.]|\.(?=\d))+)", re.IGNORECASE
)
_QUESTION = (
    "query question text message prompt input request topic content body search q keyword task"
)
_OWN_WORDS = "summary answer text message response reply explanation conclusion result output note"


def said(name: str, schema: Schema, facts: Facts) -> str | None:
    """What the text says about this property, or None."""
    if (keyed := facts.keyed(name)) is not None:
        return keyed
    for reader in _readers(name, schema):
        if (found := reader(name, schema, facts)) is not None:
            return found
    return _by_pattern(schema, facts) or _example_said(schema, facts)


def known(name: str, values: Mapping[str, Any]) -> Any:
    """What tools said about this property: under its name, or under one that means the same."""
    if name in values:
        return values[name]
    if split_name(name)[-1:] in (["id"], ["number"]):
        return next((values[noun] for noun in nouns(name) if noun in values), None)
    if name_stems(name) & MONEY:
        return next((value for key, value in values.items() if name_stems(key) & MONEY), None)
    return None


def stand_in(name: str, schema: Schema, facts: Facts) -> tuple[str, bool]:
    """A value for what nobody said, and whether at least the question is in it."""
    shape = _SHAPES.get(str(schema.get("format")))
    if shape is not None:
        return shape, False
    if examples := schema.get("examples") or _examples(schema):
        return str(examples[0]), False
    hints = name_stems(name)
    if hints & _LIMITED:
        return ("EUR" if stem("currency") in hints else "unknown"), False
    return (facts.quoted or [facts.text.strip()])[0][:_MAX_WORDS], True


def several(name: str, schema: Schema, facts: Facts) -> Sequence[str]:
    """All values of the text that fit an array of this name."""
    listed = re.search(rf"\b{re.escape(name)}\s*[=:]\s*([^.;\n]+)", facts.text, re.IGNORECASE)
    if listed:
        return [part.strip(" '\"[]") for part in re.split(r",|\band\b", listed[1]) if part.strip()]
    hints = name_stems(name)
    if hints & stemmed("email mail") or schema.get("format") == "email":
        return facts.emails
    if hints & stemmed(_PLACES):
        return [place for _, place in facts.places]
    return facts.quoted


def affirmed(name: str, facts: Facts) -> bool:
    """Whether the text mentions what a yes-or-no property asks for, and does not deny it."""
    words = [w for w in split_name(name) if w not in ("is", "has", "with", "include", "should")]
    for word in words:
        found = re.search(rf"\b{re.escape(stem(word))}", facts.text, re.IGNORECASE)
        if found is None:
            return False
        if _NOT.search(facts.text[max(0, found.start() - 40) : found.start()]):
            return False
    return bool(words)


def wants_words(name: str, schema: Schema) -> bool:
    """Whether an output's property is to be filled with the model's own words."""
    return not schema.get("format") and bool(name_stems(name) & stemmed(_OWN_WORDS))


def nouns(name: str) -> list[str]:
    """What an id is the id of: `order` for `order_id`, nothing for `id`."""
    return [word for word in split_name(name) if word not in _GENERIC]


def bounded(text: str, schema: Schema) -> str:
    """The text within the schema's limits of length."""
    least, most = schema.get("minLength", 0), schema.get("maxLength", 4_000)
    return text[:most].ljust(min(least, 4_000), "-")


def _readers(name: str, schema: Schema) -> list[Reader]:
    """The readers that the format and the name hint at, the format's first."""
    hints = name_stems(name)
    found = [_BY_FORMAT[schema["format"]]] if schema.get("format") in _BY_FORMAT else []
    return found + [reader for words, reader in _BY_WORDS if hints & words]


def _email(_name: str, _schema: Schema, facts: Facts) -> str | None:
    return next(iter(facts.emails), None)


def _first(kind: str) -> Reader:
    return lambda _name, _schema, facts: facts.first(kind)


def _currency(name: str, _schema: Schema, facts: Facts) -> str | None:
    target = {"to", "target", "into"} & set(split_name(name))
    return next(iter(facts.currencies[-1:] if target else facts.currencies), None)


def _money(_name: str, _schema: Schema, facts: Facts) -> str | None:
    if facts.amounts:
        return f"{facts.amounts[0].value:.2f}"
    return f"{facts.numbers[0]:.2f}" if len(facts.numbers) == 1 else None


def _ident(name: str, _schema: Schema, facts: Facts) -> str | None:
    return facts.ident(nouns(name))


def _place(name: str, _schema: Schema, facts: Facts) -> str | None:
    words = set(split_name(name))
    wanted = "to" if words & {"to", "destination", "target"} else ""
    wanted = "from" if words & {"from", "origin", "source"} else wanted
    fits = [place for before, place in facts.places if before == wanted or not wanted]
    inside = [place for before, place in facts.places if before in ("in", "near", "at")]
    return next(iter(fits if wanted else inside or fits), None)


def _person(_name: str, _schema: Schema, facts: Facts) -> str | None:
    return facts.person() or next(iter(facts.emails), None)


def _reason(_name: str, _schema: Schema, facts: Facts) -> str | None:
    return facts.reason()[:_MAX_WORDS] or None


def _question(_name: str, _schema: Schema, facts: Facts) -> str | None:
    return facts.text.strip()[:_MAX_WORDS] or None


def _quoted(_name: str, _schema: Schema, facts: Facts) -> str | None:
    return next(iter(facts.quoted), None)


def _by_pattern(schema: Schema, facts: Facts) -> str | None:
    """A word of the text that matches the schema's pattern; a pattern may be anything."""
    pattern = str(schema.get("pattern", ""))
    if not pattern or len(pattern) > 100 or re.search(r"[+*}]\)?[+*{]", pattern):
        return None
    try:
        wanted = re.compile(pattern)
    except re.error:
        return None
    return next((w for w in facts.text.split()[:200] if len(w) < 60 and wanted.search(w)), None)


def _examples(schema: Schema) -> list[str]:
    found = _EXAMPLES.search(str(schema.get("description", "")))
    return (
        [part.strip() for part in re.split(r",|\bor\b", found[1]) if part.strip()] if found else []
    )


def _example_said(schema: Schema, facts: Facts) -> str | None:
    """One of the examples in the description, if the text mentions it."""
    words = stems(facts.text)
    fits = (example for example in _examples(schema) if stems(example))
    return next((example for example in fits if stems(example) <= words), None)


MONEY = stemmed("amount price total sum cost value fee")
_PLACES = "city place location town country destination origin region airport"
_BY_FORMAT: Mapping[str, Reader] = {
    "email": _email,
    "date": _first("date"),
    "date-time": _first("date-time"),
    "time": _first("time"),
    "uri": _first("uri"),
    "uuid": _first("uuid"),
}
_BY_WORDS: Sequence[tuple[frozenset[str], Reader]] = (
    (stemmed("email mail"), _email),
    (stemmed("url link uri website"), _first("uri")),
    (stemmed("uuid"), _first("uuid")),
    (stemmed("date day deadline due"), _first("date")),
    (stemmed("time"), _first("time")),
    (stemmed("phone tel mobile"), _first("phone")),
    (stemmed("currency"), _currency),
    (MONEY, _money),
    (stemmed("id number no nr order invoice ticket reference ref code sku case booking"), _ident),
    (stemmed(_PLACES), _place),
    (stemmed("customer name person user guest recipient author client"), _person),
    (stemmed("reason cause why"), _reason),
    (stemmed("quote title subject phrase"), _quoted),
    (stemmed(_QUESTION), _question),
)
_LIMITED = frozenset().union(*(words for words, reader in _BY_WORDS if reader is not _question))
_SHAPES: Mapping[str, str] = {
    "email": "nobody@example.com",
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "time": "12:00:00",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
