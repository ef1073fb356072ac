"""Values are made fit for both databases, and nothing else about them changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from timestep.storable import MAX_NESTING, is_deep, storable, storable_json


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\x00b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("\udc00x", "\ufffdx"),
        (["\x00", ["\x00"]], ["\ufffd", ["\ufffd"]]),
        ({"k\x00": {"deep": [{"\ud800": "\x00"}]}}, {"k\ufffd": {"deep": [{"\ufffd": "\ufffd"}]}}),
    ],
    ids=ascii,
)
def test_what_no_database_keeps_is_replaced_however_deep(given: Any, kept: Any) -> None:
    assert storable(given) == kept


@pytest.mark.parametrize(
    "value", ["", "🙂 naïve\n\t\x01", 0, 1.5, None, True, [], {"a": [None, {"b": "c"}]}], ids=ascii
)
def test_everything_else_stays_as_it_is(value: Any) -> None:
    assert storable(value) == value


def test_the_given_value_is_not_changed() -> None:
    given = {"a": ["\x00"]}
    storable(given)
    assert given == {"a": ["\x00"]}


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (r'{"a":"\ud83d"}', r'{"a":"\ufffd"}'),
        (r'{"a":"\ud83d\ude00"}', r'{"a":"\ud83d\ude00"}'),
        (r'{"a":"\\ud83d"}', r'{"a":"\\ud83d"}'),
        (r'{"a":"\u0000\uDE00\uD83D"}', r'{"a":"\ufffd\ufffd\ufffd"}'),
        (r"\ud83d\ud83d\ude00", r"\ufffd\ud83d\ude00"),
        ('"\ud83d\\ude00"', '"\ufffd\\ufffd"'),
        (r'{"a":"\ud8', r'{"a":"\ud8'),
    ],
)
def test_escapes_that_no_database_keeps_are_replaced_before_they_are_read(
    written: str, kept: str
) -> None:
    assert storable_json(written) == kept
    assert storable_json(kept) == kept


def nested(levels: int) -> Any:
    """A list in a list, and so on."""
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


def test_what_is_nested_too_deeply_is_cut_where_it_is() -> None:
    assert not is_deep(nested(MAX_NESTING))
    assert storable(nested(MAX_NESTING)) == nested(MAX_NESTING)
    for levels in (MAX_NESTING + 1, 100_000):
        assert is_deep(nested(levels))
        assert json.dumps(storable(nested(levels))).count("[") == MAX_NESTING
