"""Specs are stored once, by what they say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.rows import in_threads
from timestep.digests import digest
from timestep.models import AgentSpec
from timestep.services.specs import store_spec


@pytest.mark.django_db
def test_equal_bodies_are_one_spec_whatever_the_order_of_their_keys() -> None:
    first = store_spec({"spec_version": 1, "agents": {"a": {"x": 1, "y": [2]}}})
    again = store_spec({"agents": {"a": {"y": [2], "x": 1}}, "spec_version": 1})
    assert first == again
    assert AgentSpec.objects.get().body["agents"]["a"] == {"x": 1, "y": [2]}


@pytest.mark.django_db
@pytest.mark.parametrize("other", [{"a": [2, 1]}, {"a": "1"}, {"a": None}, {}, {"a": [1, 2, 3]}])
def test_bodies_that_differ_are_two_specs(other: dict[str, Any]) -> None:
    assert store_spec({"a": [1, 2]}) != store_spec(other)
    assert AgentSpec.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_many_that_store_one_body_get_one_spec() -> None:
    body = {"spec_version": 1, "agents": {"a": {}}}
    results = in_threads(20, lambda _: store_spec(body).digest)
    assert set(results) == {digest(body)}
    assert AgentSpec.objects.count() == 1


def test_a_digest_is_of_the_value_and_not_of_its_text() -> None:
    assert digest({"b": 1, "a": "ü"}) == digest({"a": "\u00fc", "b": 1})
    assert digest([1, 2]) != digest([2, 1])
    assert digest("1") != digest(1)
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_half_a_character_has_a_digest_too() -> None:
    assert digest("\ud800") != digest("\ud801")
