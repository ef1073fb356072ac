"""From specs to agents: what is connected, and what this worker cannot build."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, FunctionTool, Handoff, ModelBehaviorError, function_tool

from timestep.engine.build import JsonSchemaOutput, build_agents
from timestep.engine.durable_approval import NeedsApproval
from timestep.engine.durable_model import DurableModel
from timestep.engine.durable_tools import is_nested
from timestep.engine.tools.registry import RegisteredTool
from timestep.errors import SpecNotBuildable

SCHEMA = {
    "type": "object",
    "properties": {"sum": {"type": "number"}},
    "required": ["sum"],
    "additionalProperties": False,
}


@function_tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


TOOLS = {"add": RegisteredTool(add, "tests", "d1", False, True, "Add")}


def _part(slug: str, **fields: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"tools": [], "handoffs": [], "agent_tools": [], "model_settings": {}}
    texts = {"slug": slug, "name": slug.title(), "instructions": f"Be {slug}.", "version": 1}
    return {**texts, "model": "demo/fast", "output_type": None, **empty, **fields}


def _uses(name: str = "add", digest: str = "d1", **fields: Any) -> dict[str, Any]:
    return {"name": name, "digest": digest, "needs_approval": False, "idempotent": True, **fields}


def _build(*parts: dict[str, Any], **spec: Any) -> Agent[Any]:
    agents = {part["slug"]: part for part in parts}
    start = parts[0]["slug"] if parts else ""
    return build_agents({"spec_version": 1, "start": start, "agents": agents} | spec, TOOLS)


def _target(handoff: Agent[Any] | Handoff[Any, Any]) -> Agent[Any]:
    assert isinstance(handoff, Handoff)
    assert handoff._agent_ref is not None
    found = handoff._agent_ref()
    assert isinstance(found, Agent)
    return found


def test_the_starting_agent_is_what_its_definition_says() -> None:
    settings = {"temperature": 0.5, "max_tokens": 9}
    agent = _build(_part("desk", tools=[_uses()], model_settings=settings), _part("other"))
    assert (agent.name, agent.instructions, agent.output_type) == ("desk", "Be desk.", None)
    assert isinstance(agent.model, DurableModel)
    assert agent.model.name == "demo/fast"
    assert (agent.model_settings.temperature, agent.model_settings.max_tokens) == (0.5, 9)
    assert [tool.name for tool in agent.tools] == ["add"]
    assert agent.handoffs == []


def test_an_agent_without_instructions_says_nothing_to_the_model() -> None:
    assert _build(_part("desk", instructions="")).instructions is None


def test_agents_hand_off_in_circles() -> None:
    one = _part("sales-desk", handoffs=["refunds", "sales-desk"])
    agent = _build(one, _part("refunds", handoffs=["sales-desk"]))
    names = [h.tool_name for h in agent.handoffs if isinstance(h, Handoff)]
    assert names == ["transfer_to_refunds", "transfer_to_sales_desk"]
    refunds = _target(agent.handoffs[0])
    assert _target(refunds.handoffs[0]) is agent
    assert _target(agent.handoffs[1]) is agent


def test_agents_are_tools_of_each_other() -> None:
    one = _part("desk", tools=[_uses()], agent_tools=["fact-finder"])
    agent = _build(one, _part("fact-finder", agent_tools=["desk"]))
    plain, nested = agent.tools
    assert isinstance(plain, FunctionTool)
    assert isinstance(nested, FunctionTool)
    assert (nested.name, is_nested(nested), is_nested(plain)) == ("ask_fact_finder", True, False)
    assert "Fact-Finder" in nested.description


@pytest.mark.parametrize("asks", [True, False])
def test_the_definition_says_whether_a_call_needs_approval(asks: bool) -> None:
    [tool] = _build(_part("desk", tools=[_uses(needs_approval=asks)])).tools
    assert isinstance(tool, FunctionTool)
    assert isinstance(tool.needs_approval, NeedsApproval)
    assert tool.needs_approval.asks is asks
    assert add.needs_approval is False


@pytest.mark.parametrize(
    ("uses", "says"),
    [
        (_uses("gone"), r"'gone' of agent 'desk' is not on this worker.*TIMESTEP_TOOLS"),
        (_uses(digest="d2"), "'add' of agent 'desk' has another schema"),
    ],
)
def test_a_tool_that_is_missing_or_changed_is_named(uses: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecNotBuildable, match=says):
        _build(_part("desk", tools=[uses]))


def test_a_tool_is_checked_for_every_agent_that_can_be_reached() -> None:
    with pytest.raises(SpecNotBuildable, match="agent 'refunds'"):
        _build(_part("desk", handoffs=["refunds"]), _part("refunds", tools=[_uses("gone")]))


@pytest.mark.parametrize("version", [0, 3, None, "1"])
def test_a_spec_of_another_version_is_refused(version: Any) -> None:
    with pytest.raises(SpecNotBuildable, match="this worker builds 1 and 2"):
        _build(_part("desk"), spec_version=version)


def test_an_output_type_is_told_to_the_provider() -> None:
    output = _build(_part("sum-desk", output_type=SCHEMA)).output_type
    assert isinstance(output, JsonSchemaOutput)
    assert (output.name(), output.json_schema()) == ("sum_desk_output", SCHEMA)
    assert (output.is_plain_text(), output.is_strict_json_schema()) == (False, False)


def test_an_output_that_fits_is_parsed() -> None:
    assert JsonSchemaOutput("a", SCHEMA).validate_json('{"sum": 1.5}') == {"sum": 1.5}
    assert JsonSchemaOutput("a", {"type": "string"}).validate_json('"x"') == "x"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not JSON"),
        ("three", "is not JSON"),
        ('{"sum": 1', "is not JSON"),
        ('{"sum": NaN}', "is not JSON"),
        ('{"sum": -Infinity}', "is not JSON"),
        ('{"sum": 1e999}', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"sum": "1"}', r"at \$.sum: '1' is not of type 'number'"),
        ("{}", "'sum' is a required property"),
        ('{"sum": 1, "x": 2}', "Additional properties"),
    ],
    ids=lambda text: text[:20],
)
def test_an_output_that_does_not_fit_says_why(text: str, says: str) -> None:
    with pytest.raises(ModelBehaviorError, match=says) as refused:
        JsonSchemaOutput("a", SCHEMA).validate_json(text)
    assert len(str(refused.value)) < 700
