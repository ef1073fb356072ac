"""Saving definitions: what is refused, with the field named, and what makes a version."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from tests.workflows.rows import agent, in_threads, tool
from workflows.models import AgentDefinition, AgentVersion
from workflows.services.definitions import save_definition

pytestmark = pytest.mark.django_db

BASE = {"slug": "desk", "name": "Desk", "model": "demo/fast"}

LEGAL_SCHEMA = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/b"}},
    "$defs": {"b": {"type": "string"}},
}

REFUSED: list[tuple[str, Any]] = [
    ("slug", "has space"),
    ("slug", ""),
    ("slug", None),
    ("slug", "nul\x00"),
    ("name", "  "),
    ("name", "x" * 201),
    ("name", "half \ud800"),
    ("instructions", "nul \x00"),
    ("instructions", "x" * 500_001),
    ("instructions", None),
    ("model", ""),
    ("model", "nobody/knows"),
    ("model", "demo/unheard-of"),
    ("model", 7),
    ("model_settings", []),
    ("model_settings", {"temprature": 1}),
    ("model_settings", {"temperature": "hot"}),
    ("model_settings", {"temperature": 2.5}),
    ("model_settings", {"temperature": float("nan")}),
    ("model_settings", {"temperature": True}),
    ("model_settings", {"max_tokens": 0}),
    ("model_settings", {"tool_choice": 3}),
    ("model_settings", {"truncation": "some"}),
    ("model_settings", {"reasoning": {"effort": "heroic"}}),
    ("model_settings", {"reasoning": {"depth": 3}}),
    ("model_settings", {"metadata": {"a": 1}}),
    ("model_settings", {"extra_headers": {"Authorization": "x"}}),
    ("model_settings", {"extra_args": {"extra_headers": {}}}),
    ("tools", "lookup"),
    ("tools", ["gone"]),
    ("tools", ["never-was"]),
    ("tools", ["lookup", "lookup"]),
    ("tools", ["lookup", {"name": "lookup"}]),
    ("tools", [{"name": "lookup", "needs_approval": "yes"}]),
    ("tools", [{"name": "lookup", "colour": "red"}]),
    ("tools", [{"needs_approval": True}]),
    ("tools", [""]),
    ("tools", ["lookup"] * 129),
    ("handoffs", ["nowhere"]),
    ("handoffs", ["other", "other"]),
    ("handoffs", "other"),
    ("handoffs", [{"slug": "other"}]),
    ("handoffs", ["x" * 60]),
    ("agent_tools", ["nowhere"]),
    ("agent_tools", ["desk"]),
    ("agent_tools", ["caller"]),
    ("output_type", "text"),
    ("output_type", []),
    ("output_type", {"type": "array"}),
    ("output_type", {"type": "objekt"}),
    ("output_type", {"type": "object", "properties": []}),
    ("output_type", {"type": "object", "required": "name"}),
    ("output_type", {"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}}),
    ("output_type", {"type": "object", "properties": {"a": {"$ref": "http://x/y"}}}),
    ("max_turns", 0),
    ("max_turns", 1001),
    ("max_turns", True),
    ("max_turns", "20"),
    ("default_queue", ""),
    ("default_queue", "no spaces"),
    ("timeout_seconds", 0),
    ("timeout_seconds", -1),
    ("timeout_seconds", float("inf")),
    ("timeout_seconds", 30 * 24 * 3600 + 1),
    ("active", "yes"),
    ("colour", "red"),
]


@pytest.fixture
def neighbours() -> None:
    tool("lookup")
    tool("refund", needs_approval=True, idempotent=False)
    tool("gone", present=False)
    agent("other")


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize(("field", "value"), REFUSED)
def test_a_bad_value_is_refused_with_its_field_and_nothing_is_saved(field: str, value: Any) -> None:
    if value == ["caller"]:
        agent("desk")
        agent("caller", agent_tools=["desk"])
    before = list(AgentVersion.objects.values_list("pk", flat=True))
    with pytest.raises(ValidationError) as refused:
        save_definition({**BASE, field: value})
    assert list(refused.value.message_dict) == [field]
    assert list(AgentVersion.objects.values_list("pk", flat=True)) == before


@pytest.mark.usefixtures("neighbours")
def test_everything_legal_is_kept() -> None:
    settings = {"temperature": 0.2, "reasoning": {"effort": "low"}, "store": None, "top_p": 1}
    saved = save_definition(
        {
            **BASE,
            "instructions": "one\r\ntwo",
            "model_settings": settings,
            "tools": ["lookup", {"name": "refund", "needs_approval": False}],
            "handoffs": ["other"],
            "output_type": LEGAL_SCHEMA,
            "timeout_seconds": 60,
        }
    )
    again = AgentDefinition.objects.get(slug="desk")
    assert again.instructions == "one\ntwo"
    assert again.model_settings == {"temperature": 0.2, "reasoning": {"effort": "low"}, "top_p": 1}
    assert again.tools == ["lookup", {"name": "refund", "needs_approval": False}]
    assert (again.output_type, again.timeout_seconds) == (LEGAL_SCHEMA, 60.0)
    assert saved.latest_version == 1


def test_several_fields_at_fault_are_all_named() -> None:
    with pytest.raises(ValidationError) as refused:
        save_definition({"slug": "desk", "max_turns": 0})
    assert set(refused.value.message_dict) == {"name", "model", "max_turns"}


def test_a_save_makes_a_version_when_and_only_when_something_changed() -> None:
    ana = User.objects.create_user("ana")
    agent("desk")
    assert agent("desk").latest_version == 1
    assert save_definition({"slug": "desk", "name": "New"}, by=ana).latest_version == 2
    first, second = AgentVersion.objects.order_by("number")
    assert (first.body["name"], second.body["name"], second.saved_by) == ("Desk", "New", ana)


def test_switching_off_is_no_new_version() -> None:
    agent("desk")
    saved = save_definition({"slug": "desk", "active": False})
    assert (saved.active, saved.latest_version) == (False, 1)
    assert AgentDefinition.objects.get().active is False


def test_fields_that_are_not_given_keep_their_value() -> None:
    agent("desk", instructions="Be kind", max_turns=3)
    saved = save_definition({"slug": "desk", "name": "Other"})
    assert (saved.instructions, saved.max_turns, saved.model) == ("Be kind", 3, "demo/fast")


def test_going_back_to_what_it_was_is_a_version_too() -> None:
    for name in ("One", "Two", "One"):
        agent("desk", name=name)
    assert [v.body["name"] for v in AgentVersion.objects.order_by("number")] == [
        "One",
        "Two",
        "One",
    ]


def test_a_slug_cannot_be_changed() -> None:
    agent("desk")
    with pytest.raises(ValidationError, match="cannot be changed"):
        save_definition({"slug": "bureau"}, slug="desk")


def test_handoffs_may_go_in_circles() -> None:
    agent("a")
    agent("b", handoffs=["a"])
    assert agent("a", handoffs=["b"]).handoffs == ["b"]


def test_two_names_that_become_one_function_are_refused() -> None:
    agent("a-b")
    agent("a_b")
    with pytest.raises(ValidationError, match="transfer_to_a_b, which is taken"):
        agent("desk", handoffs=["a-b", "a_b"])
    tool("ask_a_b")
    with pytest.raises(ValidationError, match="ask_a_b, which is taken"):
        agent("desk", tools=["ask_a_b"], agent_tools=["a-b"])


@pytest.mark.django_db(transaction=True)
def test_fifty_savers_at_once_number_their_versions_without_gaps() -> None:
    saved = in_threads(50, lambda n: agent("desk", name=f"Name {n}").latest_version)
    assert sorted(saved) == list(range(1, 51))
    numbers = AgentVersion.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(1, 51))
    assert AgentDefinition.objects.get().latest_version == 50


@pytest.mark.django_db(transaction=True)
def test_twenty_savers_of_the_same_make_one_version() -> None:
    saved = in_threads(20, lambda _: agent("desk").latest_version)
    assert saved == [1] * 20
    assert AgentVersion.objects.count() == 1
