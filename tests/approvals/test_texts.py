"""Arguments and text of models, as they are kept."""

from __future__ import annotations

import pytest

from approvals.services.texts import bounded
from timestep.arguments import parse_arguments
from timestep.storable import storable_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"amount": 25.5, "to": "Ana"}', {"amount": 25.5, "to": "Ana"}),
        ("[1, null, true]", [1, None, True]),
        ("not json", "not json"),
        ("", ""),
    ],
)
def test_arguments_are_parsed_or_kept_as_text(text: str, value: object) -> None:
    assert parse_arguments(text) == value


@pytest.mark.parametrize(
    "text",
    [
        '{"amount": 25, "amount": 9999}',
        '{"amount": NaN}',
        '{"amount": 1e999}',
        '{"to": "a\\u0000b"}',
        '{"to": ["\\ud800"]}',
        '{"a\\u0000": 1}',
        "[" * 100_000,
        '{"amount": ' + "9" * 5000 + "}",
    ],
)
def test_arguments_that_would_not_be_shown_as_meant_stay_text(text: str) -> None:
    assert parse_arguments(text) == text


def test_characters_that_no_database_stores_are_replaced() -> None:
    assert storable_text("a\x00b\ud800c\U0001f600") == "a\ufffdb\ufffdc\U0001f600"


def test_a_split_surrogate_pair_is_joined() -> None:
    assert storable_text("\ud83d\ude00") == "\U0001f600"


def test_long_text_is_cut_and_says_so() -> None:
    cut = bounded("x" * 100, 50)
    assert len(cut) == 50
    assert cut.endswith("… (cut)")


def test_text_at_the_limit_is_whole() -> None:
    assert bounded("x" * 50, 50) == "x" * 50
