from __future__ import annotations

from typing import Any, Literal

import jsonschema
import pytest
from agents import AgentOutputSchema
from pydantic import BaseModel

from timestep.engine.providers.demo.arguments import INVENTED, LOOSE, SAID, Source, draw
from timestep.engine.providers.demo.facts import Facts

TEXT = (
    "My order 4711 arrived with a broken cup, please refund 25.00 EUR to ada@example.com, "
    "express, by 2025-03-01; see https://shop.test/o/4711"
)
STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}


def drawn(text: str = TEXT, known: dict[str, Any] | None = None, /, **properties: Any) -> Any:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return draw(schema, Source(Facts(text), known or {})).value


@pytest.mark.parametrize(
    ("name", "schema", "value"),
    [
        ("order_id", STRING, "4711"),
        ("orderId", INTEGER, 4711),
        ("amount_cents", INTEGER, 2500),
        ("amount", {"type": "integer", "description": "The sum, in cents"}, 2500),
        ("amount_eur", NUMBER, 25.0),
        ("amount", STRING, "25.00"),
        ("currency", STRING, "EUR"),
        ("customer_email", STRING, "ada@example.com"),
        ("to", {"type": "string", "format": "email"}, "ada@example.com"),
        ("due_date", STRING, "2025-03-01"),
        ("link", STRING, "https://shop.test/o/4711"),
        ("express", {"type": "boolean"}, True),
        ("insured", {"type": "boolean"}, False),
        ("currency", {"enum": ["usd", "eur"]}, "eur"),
        ("speed", {"type": "string", "enum": ["slow", "express"]}, "express"),
        ("code", {"type": "string", "pattern": "^[A-Z]{3}$"}, "4711"),
        ("part", {"type": "string", "description": "What broke, for example plate, cup"}, "cup"),
        ("kind", {"const": "refund"}, "refund"),
        ("note", {"anyOf": [{"type": "integer"}, {"type": "null"}]}, None),
        ("retries", {"type": "integer", "default": 3}, 3),
    ],
)
def test_a_value_follows_name_type_and_hints(name: str, schema: Any, value: Any) -> None:
    assert drawn(**{name: schema}) == {name: value}


def test_numbers_are_given_out_one_by_one() -> None:
    assert drawn("add 12 and 30", a=INTEGER, b=INTEGER) == {"a": 12, "b": 30}
    assert drawn("three guests for 2 nights", nights=INTEGER, guests=INTEGER) == {
        "nights": 2,
        "guests": 3,
    }


def test_denied_is_false() -> None:
    assert drawn("refund it without express", express={"type": "boolean"}) == {"express": False}


def test_limits_are_kept() -> None:
    limited = {"type": "integer", "minimum": 5, "maximum": 10}
    assert drawn("take 99", n=limited) == {"n": 10}
    assert drawn("take nothing", n=limited) == {"n": 5}
    assert drawn("take 7", n={"type": "integer", "multipleOf": 5}) == {"n": 5}
    assert drawn("some words", text={"type": "string", "maxLength": 4}) == {"text": "some"}


def test_nested_objects_and_arrays() -> None:
    address = {"type": "object", "properties": {"email": STRING}, "required": ["email"]}
    tags = {"type": "array", "items": STRING}
    counts = {"type": "array", "items": INTEGER}
    found = drawn("tags: a, b; 3 and 4 for x@y.test", to=address, tags=tags, counts=counts)
    assert found == {"to": {"email": "x@y.test"}, "tags": ["a", "b"], "counts": [3, 4]}


def test_references_are_followed_and_circles_end() -> None:
    again = {"$ref": "#/$defs/node"}
    node = {
        "type": "object",
        "properties": {"id": INTEGER, "left": again, "right": again},
        "required": ["id", "left", "right"],
    }
    found = draw({"$ref": "#/$defs/node", "$defs": {"node": node}}, Source(Facts("node 7"))).value
    assert (found["id"], set(found["left"]["right"])) == (7, {"id", "left", "right"})


def test_what_tools_said_is_known() -> None:
    known = {"customer": "Ada", "total": "49.90", "order": "4712"}
    found = drawn("refund it", known, customer=STRING, amount=STRING, order_id=STRING)
    assert found == {"customer": "Ada", "amount": "49.90", "order_id": "4712"}
    assert drawn("refund 5 EUR", known, amount=STRING) == {"amount": "5.00"}


@pytest.mark.parametrize(
    ("schema", "level"),
    [
        ({"properties": {"email": STRING}, "required": ["email"]}, SAID),
        ({"properties": {"tag": STRING}, "required": ["tag"]}, LOOSE),
        ({"properties": {"phone": STRING}, "required": ["phone"]}, INVENTED),
        ({"properties": {"phone": STRING}}, SAID),
    ],
)
def test_the_level_says_where_it_comes_from(schema: Any, level: int) -> None:
    assert draw(schema, Source(Facts("mail x@y.test"))).level == level


class Line(BaseModel):
    name: str
    count: int
    weight: float | None = None


class Everything(BaseModel):
    order_id: str
    state: Literal["open", "closed"]
    lines: list[Line]
    total: float
    paid: bool
    extra: dict[str, str]


@pytest.mark.parametrize("output_type", [Everything, Line, list[int], list[Line], int, bool])
@pytest.mark.parametrize("text", [TEXT, "", "x" * 5_000, "\x00 “” '"])
def test_what_is_drawn_is_valid(output_type: Any, text: str) -> None:
    schema = AgentOutputSchema(output_type, strict_json_schema=False).json_schema()
    value = draw(schema, Source(Facts(text[:4_000]), {}, "said")).value
    jsonschema.validate(value, schema)
