"""Values for a JSON schema, drawn from a text: what the demo model passes to tools.

Where a value comes from has a level: `SAID` by the text or by what tools answered, `LOOSE` (the
whole question, a default number, an enum's first value), or `INVENTED` (an example of the schema's,
or a stand-in); always the same for the same question. The first source that knows a value wins:
`name: value` in the question, then what its name and type hint at, then what is known from tools,
then the schema's own default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any

from timestep.engine.providers.demo import strings
from timestep.engine.providers.demo.facts import Facts
from timestep.engine.providers.demo.words import name_stems, split_name, stem, stems

Schema = Mapping[str, Any]
_DEEP = 8
_MAX_ITEMS = 10
_MAX_VALUES = 1_000
_CENTS = {stem(word) for word in ("cents", "cent", "minor", "pennies", "pence")}
_COUNTLESS = {"count", "number", "num", "max", "min", "limit", "of", "n"}


SAID, LOOSE, INVENTED = 2, 1, 0


@dataclass(frozen=True)
class Drawn:
    """A value, and the level of what it comes from."""

    value: Any
    level: int


@dataclass
class Source:
    """What values are drawn from.

    Args:
        facts: The question's facts.
        known: Values by name, from tools.
        summary: What to say where a schema asks for words of the model's own, or None.
        free: Numbers that no property has taken yet.
    """

    facts: Facts
    known: Mapping[str, Any] = field(default_factory=dict)
    summary: str | None = None
    free: list[Decimal] = field(init=False)

    def __post_init__(self) -> None:
        self.free = list(self.facts.numbers)


def draw(schema: Schema, source: Source) -> Drawn:
    """A value that fits the schema, as far as the schema can be read."""
    return _Drawer(schema, source).value("", schema, 0)


class _Drawer:
    """One drawing: the root of the schema, for references, and the source."""

    def __init__(self, root: Schema, source: Source) -> None:
        self._root = root
        self._source = source
        self._budget = _MAX_VALUES
        self._by_type: Mapping[str, Callable[[str, Schema, int], Drawn]] = {
            "object": self._object,
            "array": self._array,
            "boolean": self._boolean,
            "integer": self._number,
            "number": self._number,
            "string": self._string,
        }

    def value(self, name: str, schema: Schema, depth: int) -> Drawn:
        self._budget -= 1
        schema, nullable = self._plain(schema)
        if "const" in schema:
            return Drawn(schema["const"], SAID)
        if nullable and depth > _DEEP:
            return Drawn(None, SAID)
        drawn = self._choice(schema) if schema.get("enum") else self._typed(name, schema, depth)
        if drawn.level == SAID:
            return drawn
        if "default" in schema:
            return Drawn(schema["default"], SAID)
        return Drawn(None, SAID) if nullable else drawn

    def _plain(self, schema: Schema) -> tuple[Schema, bool]:
        """The schema without references and alternatives, and whether null is allowed."""
        nullable = False
        for _ in range(_DEEP):
            options = schema.get("anyOf") or schema.get("oneOf")
            if "$ref" in schema:
                schema = {**self._target(str(schema["$ref"])), **_without(schema, "$ref")}
            elif options:
                nullable = nullable or any(option.get("type") == "null" for option in options)
                real = [option for option in options if option.get("type") != "null"]
                schema = {**_without(schema, "anyOf", "oneOf"), **(real[0] if real else {})}
            elif schema.get("allOf"):
                parts = [self._plain(part)[0] for part in schema["allOf"]]
                schema = {**_without(schema, "allOf"), **_merged(parts)}
            else:
                break
        if isinstance(schema.get("type"), list):
            kinds = [kind for kind in schema["type"] if kind != "null"]
            nullable = nullable or len(kinds) < len(schema["type"])
            schema = {**schema, "type": kinds[0] if kinds else "null"}
        return schema, nullable

    def _target(self, reference: str) -> Schema:
        found: Any = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            found = found.get(part, {}) if isinstance(found, Mapping) else {}
        return found if isinstance(found, Mapping) else {}

    def _typed(self, name: str, schema: Schema, depth: int) -> Drawn:
        kind = schema.get("type") or _guess(schema)
        if kind == "null":
            return Drawn(None, SAID)
        return self._by_type.get(str(kind), self._string)(name, schema, depth)

    def _choice(self, schema: Schema) -> Drawn:
        said = stems(self._source.facts.text)
        for option in schema["enum"]:
            wanted = name_stems(str(option))
            if wanted and wanted <= said:
                return Drawn(option, SAID)
        return Drawn(schema["enum"][0], LOOSE)

    def _object(self, _name: str, schema: Schema, depth: int) -> Drawn:
        required = set(schema.get("required", ()))
        values: dict[str, Any] = {}
        level = SAID
        for name, part in (schema.get("properties") or {}).items():
            if depth > _DEEP and (name not in required or self._budget < 0 or depth > 2 * _DEEP):
                continue  # A schema that refers to itself must end somewhere.
            drawn = self.value(name, part, depth + 1)
            if name in required or (drawn.level == SAID and drawn.value is not None):
                values[name] = drawn.value
                level = min(level, drawn.level)
        return Drawn(values, level)

    def _array(self, name: str, schema: Schema, depth: int) -> Drawn:
        least, most = schema.get("minItems", 0), min(schema.get("maxItems", _MAX_ITEMS), 100)
        items: Schema = schema.get("items") or {}
        if depth > _DEEP:
            return Drawn([], LOOSE)
        found, level = self._many(name, self._plain(items)[0]), SAID
        if not found:
            one = self.value(name, items, depth + 1)
            found, level = [one.value], one.level
        while len(found) < least:
            found.append(found[-1])
        return Drawn(found[: max(least, most)], level)

    def _many(self, name: str, items: Schema) -> list[Any]:
        """All values of the text that fit the items of an array."""
        if items.get("enum"):
            said = stems(self._source.facts.text)
            return [option for option in items["enum"] if name_stems(str(option)) <= said]
        if items.get("type") in ("integer", "number"):
            taken, self._source.free = self._source.free, []
            return [_fit(number, items) for number in taken[:_MAX_ITEMS]]
        if items.get("type") == "string":
            return list(strings.several(name, items, self._source.facts))
        return []

    def _boolean(self, name: str, _schema: Schema, _depth: int) -> Drawn:
        known = self._source.known.get(name)
        if isinstance(known, bool):
            return Drawn(known, SAID)
        return Drawn(strings.affirmed(name, self._source.facts), SAID)

    def _number(self, name: str, schema: Schema, _depth: int) -> Drawn:
        said = self._said_number(name, schema)
        if said is None:
            said = _decimal(strings.known(name, self._source.known))
        if said is None and self._source.free:
            said = self._source.free.pop(0)
        if said is None:
            return Drawn(_fit(Decimal(1), schema), LOOSE)
        return Drawn(_fit(said, schema), SAID)

    def _said_number(self, name: str, schema: Schema) -> Decimal | None:
        """A number that the name asks for: keyed, money, counted, or an id."""
        facts = self._source.facts
        if (keyed := _decimal(facts.keyed(name))) is not None:
            return self._take(keyed)
        hints = name_stems(name)
        in_cents = bool(hints & _CENTS) or "in cents" in str(schema.get("description", "")).lower()
        if (hints & strings.MONEY or in_cents) and facts.amounts:
            amount = facts.amounts[0].value
            return amount * 100 if in_cents else amount
        for word in split_name(name):
            if word not in _COUNTLESS and (counted := facts.counted(stem(word))) is not None:
                return self._take(counted)
        if split_name(name)[-1:] in (["id"], ["number"]):
            ident = _decimal(facts.ident(strings.nouns(name)))
            return None if ident is None else self._take(ident)
        return None

    def _take(self, number: Decimal) -> Decimal:
        if number in self._source.free:
            self._source.free.remove(number)
        return number

    def _string(self, name: str, schema: Schema, _depth: int) -> Drawn:
        source = self._source
        if source.summary is not None and strings.wants_words(name, schema):
            return Drawn(strings.bounded(source.summary, schema), SAID)
        said = strings.said(name, schema, source.facts)
        if said is None and (known := strings.known(name, source.known)) is not None:
            said = str(known)
        if said is not None:
            return Drawn(strings.bounded(said, schema), SAID)
        value, level = strings.stand_in(name, schema, source.facts)
        return Drawn(strings.bounded(value, schema), LOOSE if level else INVENTED)


def _without(schema: Schema, *names: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in names}


def _merged(parts: list[Schema]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            if key == "properties":
                merged[key] = {**merged.get(key, {}), **value}
            elif key == "required":
                merged[key] = [*merged.get(key, []), *value]
            else:
                merged[key] = value
    return merged


def _guess(schema: Schema) -> str:
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _decimal(value: Any) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _fit(number: Decimal, schema: Schema) -> int | float:
    """The number within the schema's limits, as its type."""
    whole = schema.get("type") == "integer"
    step = Decimal(1) if whole else Decimal("0.01")
    if "multipleOf" in schema:
        step = Decimal(str(schema["multipleOf"]))
        number = (number / step).to_integral_value(ROUND_FLOOR) * step
    low = _limit(schema, "minimum", "exclusiveMinimum", step)
    high = _limit(schema, "maximum", "exclusiveMaximum", -step)
    number = max(number, low) if low is not None else number
    number = min(number, high) if high is not None else number
    return int(number) if whole else float(number)


def _limit(schema: Schema, closed: str, opened: str, step: Decimal) -> Decimal | None:
    if isinstance(schema.get(opened), int | float):
        return Decimal(str(schema[opened])) + step
    return _decimal(schema.get(closed))
