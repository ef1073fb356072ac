"""Definitions as files."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command

from tests.workflows.rows import agent, tool
from workflows.errors import AgentNotFound, ImportRefused
from workflows.models import AgentDefinition, AgentVersion
from workflows.services.exchange import export_definitions, import_definitions

pytestmark = pytest.mark.django_db

CIRCLE: list[dict[str, Any]] = [
    {"slug": "desk", "name": "Desk", "model": "demo/fast", "handoffs": ["refunds"]},
    {"slug": "refunds", "name": "Refunds", "model": "demo/fast", "handoffs": ["desk"]},
]


def test_definitions_may_name_each_other_in_any_order() -> None:
    changes = import_definitions(CIRCLE)
    assert [(one.slug, one.action, one.version) for one in changes] == [
        ("desk", "created", 1), ("refunds", "created", 1)
    ]  # fmt: skip


SAID = "Use password=hunter22 and be kind."


def test_an_export_is_masked_and_its_import_changes_nothing() -> None:
    agent("desk", instructions=SAID)
    out, err = io.StringIO(), io.StringIO()
    call_command("agents", "export", stdout=out, stderr=err)
    assert "hunter22" not in out.getvalue()
    assert "--exact" in err.getvalue()
    [change] = import_definitions(json.loads(out.getvalue()))
    assert change.action == "unchanged"
    assert AgentDefinition.objects.get().instructions == SAID
    call_command("agents", "export", "--exact", stdout=(exact := io.StringIO()))
    assert json.loads(exact.getvalue())[0]["instructions"] == SAID


def test_a_mask_for_what_nobody_here_knows_is_refused() -> None:
    masks = [CIRCLE[0] | {"handoffs": [], "instructions": "Use password=[masked]."}]
    with pytest.raises(ImportRefused, match=r"desk: instructions: .*--exact"):
        import_definitions(masks)
    assert not AgentDefinition.objects.exists()


def test_importing_twice_changes_nothing() -> None:
    import_definitions(CIRCLE)
    before = AgentDefinition.objects.get(slug="desk").updated_at
    assert [one.action for one in import_definitions(CIRCLE)] == ["unchanged", "unchanged"]
    assert AgentDefinition.objects.get(slug="desk").updated_at == before
    assert AgentVersion.objects.count() == 2


def test_what_is_exported_can_be_imported_elsewhere() -> None:
    tool("lookup")
    agent("desk", tools=["lookup"], model_settings={"temperature": 0.5}, active=False)
    exported = export_definitions()
    AgentDefinition.objects.all().delete()
    import_definitions(exported)
    assert export_definitions() == exported


def test_export_gives_the_asked_ones_in_their_order_or_refuses() -> None:
    import_definitions(CIRCLE)
    assert [one["slug"] for one in export_definitions(["refunds", "desk"])] == ["refunds", "desk"]
    with pytest.raises(AgentNotFound):
        export_definitions(["desk", "nobody"])


def test_a_dry_run_says_the_difference_and_changes_nothing() -> None:
    agent("desk", instructions="one\ntwo")
    rows = [{"slug": "desk", "instructions": "one\nthree", "max_turns": 3}, CIRCLE[1]]
    changes = import_definitions(rows, dry_run=True)
    assert changes[0].differences == {
        "instructions": ("one\ntwo", "one\nthree"), "max_turns": (20, 3)
    }  # fmt: skip
    assert "    -two" in changes[0].as_lines()
    assert "    +three" in changes[0].as_lines()
    assert "  max_turns: 20 → 3" in changes[0].as_lines()
    assert AgentVersion.objects.count() == 1
    assert AgentDefinition.objects.get().instructions == "one\ntwo"


def test_one_bad_definition_refuses_the_whole_file_and_all_faults_are_named() -> None:
    rows = [CIRCLE[0], {**CIRCLE[1], "max_turns": 0}, {"slug": "x", "name": "X", "model": "a/b"}]
    with pytest.raises(ImportRefused) as refused:
        import_definitions(rows)
    assert "refunds: max_turns: must be a whole number" in str(refused.value)
    assert "x: model: no provider has the prefix 'a'" in str(refused.value)
    assert AgentDefinition.objects.count() == 0


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ("text", "must hold a list"),
        ([1], "must hold a list"),
        ([{}], "definition 1: slug: is missing"),
        ([{"slug": 7}], "definition 1: slug: is missing"),
        ([CIRCLE[0], CIRCLE[0]], "desk: slug: is there twice"),
        ([{**CIRCLE[1], "colour": 1}], "refunds: colour: there is no such field"),
        ([CIRCLE[0]], "desk: handoffs: no agent has the slug 'refunds'"),
        ([{"slug": "nul\x00", "name": "N", "model": "m"}], "slug: use 1 to 100"),
        (
            [{"slug": "x", "name": "N", "model": "m", "agent_tools": 5}],
            "agent_tools: must be a list",
        ),
    ],
)
def test_a_malformed_file_is_refused(items: Any, message: str) -> None:
    with pytest.raises(ImportRefused, match=message):
        import_definitions(items)
    assert AgentDefinition.objects.count() == 0


def test_agents_that_would_be_tools_of_themselves_are_refused_in_one_file_too() -> None:
    base = {"name": "N", "model": "demo/fast"}
    rows = [
        {"slug": "a", "agent_tools": ["b"], **base},
        {"slug": "b", "agent_tools": ["a"], **base},
    ]
    with pytest.raises(
        ImportRefused, match="a: agent_tools: 'a' would be used as a tool of itself"
    ):
        import_definitions(rows)


def test_one_definition_need_not_be_in_a_list() -> None:
    assert import_definitions({"slug": "x", "name": "X", "model": "gpt-4.1"})[0].action == "created"
