"""Hostile values, shown."""

from __future__ import annotations

from typing import Any

import pytest
from django.template import Context, Template

from approvals.models import ApprovalRequest
from timestep.values import FIRST, MOST, fields_of
from workflows.templatetags.timestep_ui import agent_link, ago, ms, short_id, span
from workflows.templatetags.timestep_values import act, first_line, visible


def shown(value: Any) -> str:
    page = Template("{% load timestep_values %}{% value it %}")
    return page.render(Context({"it": value}))


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "</textarea>", "\"'><img src=x>"])
def test_markup_is_text(hostile: str) -> None:
    for html in (shown(hostile), shown({hostile: [hostile]}), str(visible(hostile))):
        assert "<script" not in html
        assert "<img" not in html
        assert "</textarea" not in html


@pytest.mark.parametrize(
    ("letter", "name"), [("\u202e", "U+202E"), ("\u200b", "U+200B"), ("\x07", "U+0007")]
)
def test_letters_that_hide_are_shown_by_number(letter: str, name: str) -> None:
    assert f">{name}</span>" in visible(f"25{letter}00")
    assert letter not in shown({"amount": f"25{letter}00"})


def test_line_ends_and_tabs_stay_as_they_are() -> None:
    assert visible("a\r\n\tb") == "a\r\n\tb"


def test_an_object_is_shown_as_fields_with_their_types() -> None:
    found = fields_of({"id": 7, "ok": True, "why": "x", "list": [1], "none": None, "inner": {}})
    assert [field.type for field in found] == ["number", "yes/no", "text", "list", "none", "object"]


@pytest.mark.parametrize(("value", "marked"), [("25", True), ("true", True), ("25 EUR", False)])
def test_a_text_that_looks_like_a_number_says_that_it_is_text(value: str, marked: bool) -> None:
    assert ('<span class="type">text</span>' in shown({"amount": value})) is marked
    assert '<span class="type">text</span>' not in shown({"amount": 25})


def test_long_text_is_folded_after_its_beginning_and_cut_at_its_end() -> None:
    (field,) = fields_of("x" * (MOST + 5))
    assert (len(field.text), len(field.rest), field.cut) == (FIRST, MOST - FIRST, 5)
    assert "5 more characters are not shown" in shown("x" * (MOST + 5))


def test_a_thousand_keys_are_bounded() -> None:
    assert len(fields_of({str(number): number for number in range(1000)})) == 51


def test_the_act_is_said_in_words() -> None:
    asked = ApprovalRequest(tool="refund_order", arguments={"order": 7, "amount": "25\u202e.0"})
    assert act(asked) == "Refund order: order 7, amount 25[U+202E].0"
    assert len(act(ApprovalRequest(tool="t", arguments="x" * 9000))) < 150


@pytest.mark.parametrize(
    ("value", "words"), [(210, "210 ms"), (2140, "2.1 s"), (184_000, "3 min 4 s"), (None, "")]
)
def test_durations(value: int | None, words: str) -> None:
    assert ms(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (75, "1 min"), (3700, "1 h 1 min"), (90_000, "1 d 1 h"), (10**6, "11 d")],
)
def test_lengths_of_time(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_small_things() -> None:
    assert ago(None) == ""
    assert first_line(None) == ""
    assert agent_link("My <Agent>") == "My &lt;Agent&gt;"
    assert '<a href="/agents/desk/">' in agent_link("desk")
    assert short_id("run_01m81y5dz8qyxp2rez9dcnfybz") == "run_01m8…cnfybz"
