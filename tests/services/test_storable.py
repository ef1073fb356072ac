"""Values are made fit for both databases, and nothing else about them changes."""

from __future__ import annotations

from typing import Any

import pytest

from timestep.storable import storable


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
