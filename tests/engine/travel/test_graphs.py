"""Agents that refer to one another: handoffs, circles, agents as tools, equal names."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest
from agents import Agent, FunctionTool, Handoff, RunConfig, RunContextWrapper, handoff
from agents.tool_context import ToolContext

from tests.engine.travel import parts
from tests.engine.travel.equality import differences
from timestep.digests import canonical_json
from timestep.engine.travel import build, describe, missing_here
from timestep.engine.travel.closures import arguments_of_agent_tool
from timestep.tools import mark

HANDOFFS: list[dict[str, Any]] = [
    {},
    {"tool_name_override": "go"},
    {"tool_description_override": "Go there."},
    {"input_filter": parts.only_last, "nest_handoff_history": True},
    {"is_enabled": False},
    {"is_enabled": parts.enabled},
    {"on_handoff": parts.on_handoff},
    {"on_handoff": parts.on_money, "input_type": parts.Money},
    {"on_handoff": parts.on_money, "input_type": list[parts.Report]},
]

AGENT_TOOLS: list[dict[str, Any]] = [
    {},
    {"custom_output_extractor": parts.extract},
    {"is_enabled": False, "needs_approval": True},
    {"is_enabled": parts.enabled, "needs_approval": parts.asks},
    {"on_stream": parts.on_stream, "on_stream_max_pending_events": None},
    {"run_config": RunConfig(workflow_name="inner", input_guardrails=[parts.no_secrets])},
    {"max_turns": 3, "hooks": parts.RUN_AUDIT},
    {"previous_response_id": "r", "conversation_id": "c"},
    {"failure_error_function": None},
    {"failure_error_function": parts.failed},
    {"parameters": parts.Money, "input_builder": parts.build_input},
    {"parameters": parts.Report, "include_input_schema": True},
]


def _round_trip(agent: Agent[Any]) -> Agent[Any]:
    spec = describe(agent)
    assert missing_here(spec) == ""
    built = build(spec)
    assert canonical_json(describe(built)) == canonical_json(spec)
    assert differences(agent, built) == []
    return built


@pytest.mark.parametrize("given", HANDOFFS, ids=lambda given: ",".join(given) or "plain")
async def test_handoffs_travel(given: dict[str, Any]) -> None:
    target = Agent[Any](name="b c", handoff_description="Knows b.")
    built = _round_trip(Agent(name="a", handoffs=[handoff(target, **given)])).handoffs[0]
    assert isinstance(built, Handoff)
    assert built.agent_name == "b c"
    assert callable(built.is_enabled) == callable(given.get("is_enabled", True))


async def test_a_handoff_leads_to_the_agent_that_was_built() -> None:
    target = Agent[Any](name="b", instructions="Be b.")
    given: dict[str, Any] = {"on_handoff": parts.on_money, "input_type": parts.Money}
    agent = Agent[Any](name="a", handoffs=[handoff(target, **given), target])
    built = build(describe(agent))
    made, plain = built.handoffs
    assert isinstance(made, Handoff)
    found = await made.on_invoke_handoff(RunContextWrapper(None), '{"amount": 3}')
    assert found is plain
    assert isinstance(found, Agent)
    assert found.instructions == "Be b."


@pytest.mark.parametrize("given", AGENT_TOOLS, ids=lambda given: ",".join(given) or "plain")
def test_agents_as_tools_travel(given: dict[str, Any]) -> None:
    inner = Agent[Any](name="In ner", instructions="Be inner.")
    tool = inner.as_tool("ask_inner", "Ask it.", **given)
    built = _round_trip(Agent(name="a", tools=[tool])).tools[0]
    assert isinstance(built, FunctionTool)
    assert built._agent_instance is arguments_of_agent_tool(built)["self"]
    assert built._agent_instance.name == "In ner"


def test_an_agent_as_a_tool_keeps_the_name_that_the_sdk_made_of_it() -> None:
    built = _round_trip(Agent(name="a", tools=[Agent[Any](name="In-ner").as_tool(None, None)]))
    tool = built.tools[0]
    assert isinstance(tool, FunctionTool)
    assert tool._agent_tool_default_identity == ("In-ner", tool.name)


def test_what_was_set_on_an_agents_tool_later_travels() -> None:
    tool = mark(Agent[Any](name="b").as_tool("ask", "Ask."), idempotent=True, title="Ask b")
    tool.timeout_seconds = 4.5
    tool.tool_input_guardrails = [parts.check_arguments]
    tool.needs_approval = parts.asks
    built = _round_trip(Agent(name="a", tools=[tool])).tools[0]
    assert isinstance(built, FunctionTool)
    assert (built.timeout_seconds, built.needs_approval) == (4.5, parts.asks)


def test_agents_as_tools_of_agents_as_tools() -> None:
    leaf = Agent[Any](name="leaf", tools=[parts.refund], output_type=parts.Report)
    middle = [Agent[Any](name=f"middle-{n}", tools=[leaf.as_tool("ask", "d")]) for n in (1, 2)]
    root = Agent[Any](name="root", tools=[agent.as_tool(None, None) for agent in middle])
    spec = describe(root)
    assert list(spec["agents"]) == ["root", "middle-1", "middle-2", "leaf"]
    built = _round_trip(root)
    inner = [arguments_of_agent_tool(tool)["self"] for tool in built.tools]  # type: ignore[arg-type]
    leaves = {id(arguments_of_agent_tool(agent.tools[0])["self"]) for agent in inner}
    assert len(leaves) == 1


def test_circles_are_connected_again() -> None:
    first, second = Agent[Any](name="first"), Agent[Any](name="second")
    first.handoffs = [second, handoff(first)]
    second.handoffs = [handoff(first)]
    second.tools = [first.as_tool("ask_first", "d")]
    built = _round_trip(first)
    other = built.handoffs[0]
    assert isinstance(other, Agent)
    assert arguments_of_agent_tool(other.tools[0])["self"] is built  # type: ignore[arg-type]


async def test_a_built_circle_lives_as_long_as_its_start() -> None:
    second = Agent[Any](name="second")
    built = build(describe(Agent[Any](name="first", handoffs=[handoff(second)])))
    del second
    gc.collect()
    made = built.handoffs[0]
    assert isinstance(made, Handoff)
    assert (await made.on_invoke_handoff(RunContextWrapper(None), "")).name == "second"


def test_agents_that_share_a_name_keep_apart() -> None:
    twins = [Agent[Any](name="twin", instructions=text) for text in ("one", "two", "three")]
    clash = Agent[Any](name="twin#2")
    spec = describe(Agent[Any](name="a", handoffs=[twins[0], clash, *twins[1:]]))
    assert list(spec["agents"]) == ["a", "twin", "twin#2", "twin#3", "twin#4"]
    built = build(spec)
    texts = [agent.instructions for agent in built.handoffs if isinstance(agent, Agent)]
    assert texts == ["one", None, "two", "three"]


def test_an_agent_that_is_met_twice_is_described_once() -> None:
    shared = Agent[Any](name="shared")
    agent = Agent[Any](name="a", handoffs=[shared, shared], tools=[shared.as_tool("x", "y")])
    assert list(describe(agent)["agents"]) == ["a", "shared"]
    built = build(describe(agent))
    assert built.handoffs[0] is built.handoffs[1]


async def test_a_built_tool_runs() -> None:
    built = build(describe(Agent[Any](name="a", tools=[parts.refund]))).tools[0]
    assert isinstance(built, FunctionTool)
    arguments = json.dumps({"order": "o", "amount": 3})
    context = ToolContext(None, tool_name="refund", tool_call_id="c", tool_arguments=arguments)
    assert await built.on_invoke_tool(context, arguments) == "o 3"
