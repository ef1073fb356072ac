"""What the SDK keeps in closures alone. These tests fail when a new SDK keeps it elsewhere.

Then read `Agent.as_tool()` in `agents/agent.py` and `handoff()` in `agents/handoffs/__init__.py`,
change `timestep/engine/travel/closures.py`, and see that every argument still travels.
"""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from agents import Agent, Handoff, handoff

from tests.engine.travel import parts
from timestep.engine.travel.closures import (
    AGENT_TOOL,
    UnknownClosure,
    arguments_of_agent_tool,
    arguments_of_handoff,
)

# Arguments of as_tool() that are read from the tool itself, and not from the closure.
ON_THE_TOOL = {
    *("tool_name", "tool_description", "is_enabled", "needs_approval", "failure_error_function"),
    *("parameters", "include_input_schema"),
}


def test_each_argument_of_as_tool_is_found() -> None:
    arguments = set(inspect.signature(Agent.as_tool).parameters)
    assert arguments - ON_THE_TOOL <= AGENT_TOOL


def test_each_argument_of_handoff_is_known() -> None:
    assert set(inspect.signature(handoff).parameters) == {
        *("agent", "tool_name_override", "tool_description_override", "on_handoff"),
        *("input_type", "input_filter", "nest_handoff_history", "is_enabled"),
    }


def test_an_agents_tool_tells_what_it_was_made_with() -> None:
    agent = Agent[Any](name="b")
    found = arguments_of_agent_tool(
        agent.as_tool("x", "y", parts.extract, max_turns=4, parameters=parts.Money)
    )
    assert found["self"] is agent
    assert found["custom_output_extractor"] is parts.extract
    assert found["max_turns"] == 4
    assert found["params_adapter"]._type is parts.Money
    assert found["schema_info"].json_schema is None


def test_a_handoff_tells_what_it_was_made_with() -> None:
    agent = Agent[Any](name="b")
    made = handoff(
        agent, on_handoff=parts.on_money, input_type=parts.Money, is_enabled=parts.enabled
    )
    found = arguments_of_handoff(made)
    assert found["agent"] is agent
    assert (found["on_handoff"], found["input_type"]) == (parts.on_money, parts.Money)
    assert found["is_enabled"] is parts.enabled


def test_others_are_told_apart() -> None:
    async def invoke(context: Any, text: str) -> Agent[Any]:
        return Agent(name="b")

    with pytest.raises(UnknownClosure, match="a version of the Agents SDK that Timestep knows"):
        arguments_of_agent_tool(parts.refund)
    with pytest.raises(UnknownClosure, match="a version of the Agents SDK that Timestep knows"):
        arguments_of_handoff(Handoff("n", "d", {}, invoke, "b"))
