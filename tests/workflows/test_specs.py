"""Specs: the closure of a version over its neighbours."""

from __future__ import annotations

import pytest

from tests.workflows.rows import agent, tool
from timestep.models import AgentSpec, CatalogueTool
from workflows.errors import AgentInactive, AgentNotFound, SpecIncomplete, VersionNotFound
from workflows.models import AgentDefinition
from workflows.services.definitions import save_definition
from workflows.services.specs import spec_body, spec_for, version_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def circle() -> None:
    """desk ⇄ refunds, and refunds calls checker as a tool, which hands off to desk."""
    tool("lookup")
    tool("refund", needs_approval=True, idempotent=False)
    agent("desk", tools=["lookup"])
    agent("checker", handoffs=["desk"])
    agent("refunds", tools=["refund"], handoffs=["desk"], agent_tools=["checker"])
    save_definition({"slug": "desk", "handoffs": ["refunds"]})


@pytest.mark.usefixtures("circle")
def test_the_spec_is_the_closure_and_circles_end() -> None:
    body = spec_body(version_of("desk"))
    assert (body["spec_version"], body["start"]) == (1, "desk")
    assert sorted(body["agents"]) == ["checker", "desk", "refunds"]
    assert body["agents"]["refunds"]["agent_tools"] == ["checker"]
    assert body["agents"]["desk"]["version"] == 2
    assert set(body["agents"]["desk"]) == {
        "slug", "name", "version", "instructions", "model", "model_settings",
        "tools", "handoffs", "agent_tools", "output_type", "max_turns",
    }  # fmt: skip


@pytest.mark.usefixtures("circle")
def test_tools_carry_digest_and_effective_approval() -> None:
    digest = CatalogueTool.objects.get(name="refund").schema_digest
    asked = {"name": "refund", "digest": digest, "needs_approval": True, "idempotent": False}
    assert spec_body(version_of("refunds"))["agents"]["refunds"]["tools"] == [asked]
    entry = {"name": "refund", "needs_approval": False}
    save_definition({"slug": "refunds", "tools": [entry]})
    assert spec_body(version_of("refunds"))["agents"]["refunds"]["tools"] == [
        {**asked, "needs_approval": False}
    ]


@pytest.mark.usefixtures("circle")
def test_equal_specs_are_stored_once() -> None:
    first = spec_for(version_of("desk"))
    assert spec_for(version_of("desk")) == first
    save_definition({"slug": "refunds", "instructions": "changed"})
    assert spec_for(version_of("desk")) != first
    assert AgentSpec.objects.count() == 2


@pytest.mark.usefixtures("circle")
def test_an_older_version_starts_with_its_own_fields() -> None:
    body = spec_body(version_of("desk", 1))
    assert sorted(body["agents"]) == ["desk"]
    assert body["agents"]["desk"]["version"] == 1


@pytest.mark.usefixtures("circle")
def test_what_is_missing_is_named() -> None:
    AgentDefinition.objects.filter(slug="checker").update(active=False)
    with pytest.raises(SpecIncomplete, match="'checker', which it needs, is inactive"):
        spec_body(version_of("desk"))
    AgentDefinition.objects.filter(slug="checker").delete()
    with pytest.raises(SpecIncomplete, match="'checker', which it needs, was deleted"):
        spec_body(version_of("desk"))


@pytest.mark.usefixtures("circle")
def test_a_tool_that_is_gone_is_named() -> None:
    CatalogueTool.objects.filter(name="refund").update(present=False)
    with pytest.raises(SpecIncomplete, match="'refund' of 'refunds'"):
        spec_body(version_of("desk"))


def test_no_agent_no_version_and_inactive_agents_are_refused() -> None:
    with pytest.raises(AgentNotFound):
        version_of("desk")
    agent("desk")
    with pytest.raises(VersionNotFound):
        version_of("desk", 2)
    save_definition({"slug": "desk", "active": False})
    with pytest.raises(AgentInactive):
        version_of("desk")
