"""Parts that have no import path travel under a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from agents import (
    Agent,
    ComputerTool,
    FunctionTool,
    InputGuardrail,
    OutputGuardrail,
    function_tool,
    handoff,
)

from tests.engine.travel import parts
from timestep.engine.travel import (
    build,
    describe,
    missing_here,
    register_agent,
    register_function,
    register_guardrail,
    register_tool,
    registered,
)
from timestep.errors import InvalidInput, SpecNotBuildable


def _tool(name: str = "local") -> FunctionTool:
    def local(text: str) -> str:
        return text

    made: FunctionTool = function_tool(local, name_override=name)
    return made


def _guardrail() -> InputGuardrail[Any]:
    return InputGuardrail(lambda context, agent, found: None, name="g")  # type: ignore[arg-type,return-value]


@pytest.fixture
def agent() -> Agent[Any]:
    """An agent all of whose parts are registered."""
    screen = cast("Any", object())
    return Agent[Any](
        name="a",
        tools=[register_tool(_tool()), register_tool(ComputerTool(screen), "screen")],
        instructions=register_function(lambda context, agent: "hello", "hello"),
        input_guardrails=[register_guardrail(_guardrail(), "guard")],
        handoffs=[handoff(register_agent(Agent[Any](name="b", model=None)))],
    )


def test_registered_parts_are_referenced_by_name_and_digest(agent: Agent[Any]) -> None:
    needed = describe(agent)["needs"]["registered"]
    assert [f"{part['kind']} {part['name']}" for part in needed] == [
        "agent b",
        "function hello",
        "guardrail guard",
        "tool local",
        "tool screen",
    ]
    assert all(len(part["digest"]) == 64 for part in needed)


def test_registered_parts_are_taken_as_they_are(agent: Agent[Any]) -> None:
    built = build(describe(agent))
    assert built.tools == agent.tools
    assert built.instructions is agent.instructions
    assert built.input_guardrails == agent.input_guardrails


def test_a_registered_agent_is_itself_wherever_it_stands() -> None:
    live = register_agent(Agent[Any](name="live", instructions=lambda context, agent: ""), "desk")
    agent = Agent[Any](name="a", handoffs=[live], tools=[live.as_tool("ask", "d")])
    spec = describe(agent)
    assert spec["agents"]["live"]["code"]["registered"] == "desk"
    assert build(spec).handoffs == [live]
    assert build(describe(live)) is live


def test_an_agents_tool_can_be_registered() -> None:
    tool = register_tool(Agent[Any](name="b", instructions=lambda c, a: "").as_tool("ask", "d"))
    built = build(describe(Agent(name="a", tools=[tool])))
    assert built.tools == [tool]


def test_an_importable_tool_goes_by_name_once_it_is_registered() -> None:
    register_tool(parts.refund, "pay-back")
    part = describe(Agent(name="a", tools=[parts.refund]))["agents"]["a"]["tools"][0]
    assert part["code"] == {"registered": "pay-back", "digest": part["digest"]}


def test_a_part_that_comes_later_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    tool = register_tool(_tool())
    spec = describe(Agent(name="a", tools=[tool]))
    monkeypatch.setattr(registered, "_by_name", {})
    monkeypatch.setattr(registered, "_by_identity", {})
    assert missing_here(spec) == "it needs 'local', which nothing has registered here"
    with pytest.raises(SpecNotBuildable, match=r"no register_tool\(\) gave this process"):
        build(spec)
    again = register_tool(_tool())
    assert missing_here(spec) == ""
    assert build(spec).tools == [again]


def test_a_name_belongs_to_one_part_of_a_kind() -> None:
    tool = register_tool(_tool())
    assert register_tool(tool) is tool
    register_function(parts.plain_check, "local")
    with pytest.raises(InvalidInput, match="another tool is registered as 'local'"):
        register_tool(_tool())


def test_a_part_of_another_kind_is_not_taken() -> None:
    register_function(parts.instruct, "x")
    spec = describe(Agent(name="a", instructions=parts.instruct))
    spec["agents"]["a"]["hooks"] = spec["agents"]["a"]["instructions"]
    with pytest.raises(SpecNotBuildable, match="needs the hooks 'x'"):
        build(spec)


@pytest.mark.parametrize(
    ("register", "value", "says"),
    [
        (register_tool, parts.instruct, "is no tool"),
        (register_tool, None, "is no tool"),
        (register_agent, parts.refund, r"is no agents\.Agent"),
        (register_guardrail, parts.plain_check, "is no guardrail"),
        (register_function, 3, "cannot be called"),
        (register_function, lambda: None, "needs one: name='…'"),
        (register_function, parts.CALLABLE, "needs one: name='…'"),
    ],
)
def test_what_cannot_be_registered(register: Callable[[Any], Any], value: Any, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        register(value)


def test_names_are_their_own_unless_given() -> None:
    register_guardrail(OutputGuardrail(parts.plain_check))
    register_function(parts.instruct)
    register_agent(Agent[Any](name="a b"))
    assert registered.entry_named("guardrail", "plain_check")
    assert registered.entry_named("function", "instruct")
    assert registered.entry_named("agent", "a b")
