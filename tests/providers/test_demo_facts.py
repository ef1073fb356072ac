from __future__ import annotations

import time
from decimal import Decimal

import pytest

from timestep.engine.providers.demo.facts import Amount, Facts
from timestep.engine.providers.demo.words import name_stems, split_name, stem, stems


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("refund 25.00 EUR", "25.00", "EUR"),
        ("pay €1,250.50 now", "1250.50", "EUR"),
        ("25,50 euros", "25.50", "EUR"),
        ("USD 7", "7", "USD"),
        ("€ 12", "12", "EUR"),
        ("it cost 3 dollars", "3", "USD"),
    ],
)
def test_amounts(text: str, value: str, currency: str) -> None:
    assert Facts(text).amounts == [Amount(Decimal(value), currency)]


def test_numbers_are_what_is_left() -> None:
    text = "order 4711 of 2024-05-01 at 12:30: 3 cups, 2 bowls, 25.00 EUR, mail 7@x.test"
    assert Facts(text).numbers == [3, 2]
    assert Facts("a table for three people").numbers == [3]


@pytest.mark.parametrize(
    ("text", "nouns", "found"),
    [
        ("My order 4711 is late", ["order"], "4711"),
        ("order no. A-17 please", ["order"], "A-17"),
        ("what of #99?", ["order"], "99"),
        ("ticket INC-2040 is open", ["case"], "INC-2040"),
        ("My order 4711 is late", ["customer"], None),
        ("refund 25.00 EUR", ["order"], None),
    ],
)
def test_ids(text: str, nouns: list[str], found: str | None) -> None:
    assert Facts(text).ident(nouns) == found


def test_places_and_people() -> None:
    assert Facts("the weather in New York and Paris").places == [("in", "New York"), ("", "Paris")]
    assert Facts("fly from Oslo to Rome").places == [("from", "Oslo"), ("to", "Rome")]
    assert Facts("weather in lisbon").places == [("in", "lisbon")]
    assert Facts("convert 5 EUR to USD").places == []
    assert Facts("my name is Ada Palmer, hello").person() == "Ada Palmer"


def test_reasons_leave_the_request_out() -> None:
    text = "My order 4711 arrived with a broken cup, please refund 25.00 EUR"
    assert Facts(text).reason() == "My order 4711 arrived with a broken cup"
    assert Facts("Refund it because the cup is broken.").reason() == "the cup is broken"
    assert Facts("Refund it").reason() == "Refund it"


def test_values_by_name() -> None:
    facts = Facts('title: "Two words", tag=x1; three guests, priority 4')
    assert (facts.keyed("title"), facts.keyed("tag"), facts.keyed("size")) == (
        "Two words",
        "x1",
        None,
    )
    assert facts.counted("guest") == 3
    assert facts.counted("priority") == 4


def test_words_are_compared_by_their_stems() -> None:
    assert stem("refunds") == stem("refunded") == stem("refunding") == "refund"
    assert stem("currencies") == stem("currency")
    assert stem("prices") == stem("price")
    assert split_name("getOrderId") == ["get", "order", "id"]
    assert name_stems("support-desk") == {"support", "desk"}
    assert "lookup" in stems("look up my order")


@pytest.mark.parametrize(
    "text", ["a-" * 2_000, "1" * 4_000, "a" * 4_000, '"' * 4_000, "A b " * 1_000]
)
def test_hostile_texts_are_read_in_no_time(text: str) -> None:
    facts, begun = Facts(text), time.perf_counter()
    _ = (facts.amounts, facts.numbers, facts.emails, facts.places, facts.quoted, facts.reason())
    _ = (facts.ident(["order"]), facts.person(), facts.counted("order"), facts.keyed("order"))
    assert time.perf_counter() - begun < 1.0
