"""Durable copies of agent graphs: what is copied, what stays as it is, what is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from agents import (
    Agent,
    FunctionTool,
    Handoff,
    ModelSettings,
    RunConfig,
    Runner,
    ShellTool,
    WebSearchTool,
    function_tool,
    handoff,
)
from agents.mcp import MCPServerStdio
from agents.models import get_default_model
from agents.testing import ScriptedModel, assistant_message

from tests.campaign import code, machine
from timestep.engine.durable_agent import (
    DurableAgent,
    durable_run_config,
    make_durable,
    steps_around_tools,
)
from timestep.engine.durable_agent_tools import NotDurable
from timestep.engine.durable_approval import NeedsApproval
from timestep.engine.durable_model import DurableModel


@function_tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def model_of(agent: Any) -> DurableModel:
    """The durable model of an agent."""
    assert isinstance(agent.model, DurableModel)
    return agent.model


def only_tool(agent: Any) -> FunctionTool:
    """The one tool of an agent."""
    [tool] = agent.tools
    assert isinstance(tool, FunctionTool)
    return tool


def test_a_cyclic_graph_is_copied_once_each_and_the_originals_stay() -> None:
    first, second = Agent[Any](name="first", tools=[add]), Agent[Any](name="second")
    first.handoffs = [handoff(second)]
    second.handoffs = [first]
    before = [dict(vars(one)) for one in (first, second, add)]
    made = make_durable(first)
    [over] = made.handoffs
    assert isinstance(over, Handoff)
    assert over._agent_ref is not None
    [back] = over._agent_ref().handoffs  # type: ignore[union-attr]
    assert back is made is not first
    assert isinstance(made, DurableAgent)
    assert [dict(vars(one)) for one in (first, second, add)] == before
    assert only_tool(made) is not add
    assert make_durable(made) is made


def test_a_subclass_keeps_its_ways() -> None:
    class Polite(Agent[Any]):
        async def get_system_prompt(self, run_context: Any) -> str | None:
            return "please"

    made = make_durable(Polite(name="polite"))
    assert isinstance(made, Polite)
    assert isinstance(made, DurableAgent)


@pytest.mark.parametrize(
    ("own", "config", "name"),
    [(None, None, get_default_model()), ("a", None, "a"), ("a", "b", "b"), (None, "b", "b")],
)
def test_which_model_is_called(own: str | None, config: str | None, name: str) -> None:
    made = make_durable(Agent(name="x", model=own), RunConfig(model=config))
    assert model_of(made).name == name


def test_a_live_model_is_wrapped() -> None:
    live = ScriptedModel([])
    made = make_durable(Agent(name="x", model=live))
    assert model_of(made).plain is live
    assert model_of(made).name == "ScriptedModel"


def test_timeouts_and_retries_of_the_sdk_move_into_the_step() -> None:
    agent = Agent[Any](name="x", model="m", model_settings=ModelSettings(timeout=3.0, top_p=0.5))
    made = make_durable(agent)
    assert model_of(made).timeout == 3.0
    assert (made.model_settings.timeout, made.model_settings.top_p) == (None, 0.5)
    assert agent.model_settings.timeout == 3.0
    config = RunConfig(model_settings=ModelSettings(timeout=2.0))
    assert model_of(make_durable(agent, config)).timeout == 2.0
    assert durable_run_config(config, "w").model_settings == ModelSettings()


def test_an_agent_as_a_tool_runs_the_durable_copy() -> None:
    inner = Agent[Any](name="inner", model="m")
    outer = Agent[Any](name="outer", tools=[inner.as_tool("ask", "Ask.")])
    config = RunConfig(model="other")
    own = Agent[Any](name="own", tools=[inner.as_tool("ask", "Ask.", run_config=config)])
    assert model_of(only_tool(make_durable(outer))._agent_instance).name == "m"
    assert model_of(only_tool(make_durable(own))._agent_instance).name == "other"
    assert only_tool(outer)._agent_instance is inner


def test_agents_that_are_tools_of_each_other() -> None:
    one, two = Agent[Any](name="one"), Agent[Any](name="two")
    one.tools, two.tools = [two.as_tool("ask_two", "")], [one.as_tool("ask_one", "")]
    made = make_durable(one)
    assert only_tool(only_tool(made)._agent_instance)._agent_instance is made


def test_hosted_tools_pass_and_local_ones_are_copied() -> None:
    hosted: list[Any] = [WebSearchTool(), ShellTool(environment={"type": "container_auto"})]
    assert make_durable(Agent(name="x", tools=hosted)).tools == hosted
    tools = machine.all_tools()
    before = [dict(vars(tool)) for tool in tools]
    made = make_durable(Agent(name="x", tools=tools)).tools
    assert [type(tool) for tool in made] == [type(tool) for tool in tools]
    assert all(new is not old for new, old in zip(made, tools, strict=True))
    assert [dict(vars(tool)) for tool in tools] == before


def test_an_agent_tool_of_an_unknown_agent_is_refused() -> None:
    tool = copy.copy(Agent[Any](name="inner").as_tool("ask", "Ask."))
    tool._agent_instance = None
    with pytest.raises(NotDurable, match="'ask' of agent 'x' runs no agent that is known"):
        make_durable(Agent(name="x", tools=[tool]))


def test_what_stands_around_calls_has_steps() -> None:
    server = MCPServerStdio(
        params={"command": "true"}, tool_input_guardrails=[code.before], name="files"
    )
    inner = Agent[Any](name="inner", tools=[code.measured], mcp_servers=[server])
    agent = make_durable(Agent(name="x", tools=[code.pay_sometimes, add], handoffs=[inner]))
    around = steps_around_tools(agent)
    assert [around(name) for name in ("measured", "pay_sometimes", "add", "look")] == [3, 1, 0, 3]
    assert isinstance(agent.tools[0], FunctionTool)
    assert isinstance(agent.tools[0].needs_approval, NeedsApproval)


async def test_outside_a_run_the_copy_behaves_like_the_original() -> None:
    model = ScriptedModel([[assistant_message("plain")]])
    agent = Agent[Any](name="x", model=model, instructions=code.nonce_instructions, tools=[add])
    result = await Runner.run(make_durable(agent), "hello", run_config=durable_run_config(None, ""))
    assert result.final_output == "plain"
