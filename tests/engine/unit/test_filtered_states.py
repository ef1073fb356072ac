"""States of runs whose handoffs change what the next agent is given go on as if never saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from agents import (
    Agent,
    HandoffInputData,
    RunConfig,
    RunItem,
    Runner,
    RunState,
    ToolCallItem,
    ToolCallOutputItem,
    function_tool,
    handoff,
)
from agents.extensions import handoff_filters
from agents.testing import ScriptedModel, assistant_message, function_call

from timestep.engine.states import as_raw, last_agent, restore

Filter = Callable[[HandoffInputData], HandoffInputData]
DONE: list[str] = []
SAY = assistant_message


@function_tool
def look(n: int) -> str:
    """Look."""
    DONE.append(f"look {n}")
    return f"saw {n}"


@function_tool(needs_approval=True)
def pay(n: int) -> str:
    """Pay."""
    DONE.append(f"pay {n}")
    return f"paid {n}"


def _look(n: int) -> Any:
    return function_call("look", {"n": n}, call_id=f"look_{n}")


def _pay(n: int) -> Any:
    return function_call("pay", {"n": n}, call_id=f"pay_{n}")


def _on(name: str) -> Any:
    return function_call(f"transfer_to_{name}", {}, call_id=f"to_{name}")


def _each(data: HandoffInputData, change: Callable[[RunItem], list[RunItem]]) -> HandoffInputData:
    before = tuple(made for item in data.pre_handoff_items for made in change(item))
    new = tuple(made for item in data.new_items for made in change(item))
    return data.clone(pre_handoff_items=before, new_items=new)


def no_outputs(data: HandoffInputData) -> HandoffInputData:
    """Without what tools gave."""
    return _each(data, lambda one: [] if isinstance(one, ToolCallOutputItem) else [one])


def other_words(data: HandoffInputData) -> HandoffInputData:
    """With other arguments and other outputs."""

    def changed(item: RunItem) -> list[RunItem]:
        if isinstance(item, ToolCallItem):
            return [replace(item, raw_item=item.raw_item.model_copy(update={"arguments": "{}"}))]  # type: ignore[union-attr]
        if isinstance(item, ToolCallOutputItem):
            return [replace(item, raw_item={**dict(item.raw_item), "output": "***"})]
        return [item]

    return _each(data, changed)


def only_a_word(data: HandoffInputData) -> HandoffInputData:
    """Nothing of what was."""
    return data.clone(input_history="go on", pre_handoff_items=(), new_items=())


def beside(data: HandoffInputData) -> HandoffInputData:
    """The model is given less than the session."""
    return data.clone(input_items=tuple(data.new_items[:1]))


FILTERS = [
    handoff_filters.remove_all_tools,
    no_outputs,
    other_words,
    only_a_word,
    beside,
    None,
]


def _chain(keep: Filter | None, nest: bool) -> Agent[Any]:
    """Three agents; each answer that hands over says something and calls a tool as well."""
    third = Agent[Any](name="Third", model=ScriptedModel([[_pay(3)], [SAY("end")]]), tools=[pay])
    second = Agent[Any](
        name="Second",
        model=ScriptedModel([[_pay(2)], [SAY("over"), _look(2), _on("third")]]),
        tools=[look, pay],
        handoffs=[handoff(third, input_filter=keep, nest_handoff_history=nest)],
    )
    return Agent[Any](
        name="First",
        model=ScriptedModel([[_look(0)], [SAY("over"), _look(1), _on("second")]]),
        tools=[look],
        handoffs=[handoff(second, input_filter=keep, nest_handoff_history=nest)],
    )


def _around(inner: Agent[Any]) -> Agent[Any]:
    asks = [function_call("ask", {"input": "go"}, call_id="ask_1"), _look(9)]
    model = ScriptedModel([[_look(8)], asks, [SAY("end")]])
    return Agent(name="Outer", model=model, tools=[look, inner.as_tool("ask", "Ask.")])


async def _saved(agent: Agent[Any], state: RunState[Any, Any]) -> RunState[Any, Any]:
    return await restore(agent, json.loads(json.dumps(as_raw(state))))


async def _played(agent: Agent[Any], saves: int) -> tuple[Any, ...]:
    """The end, what tools did, and what the state holds; saved and restored each time it waits."""
    DONE.clear()
    config = RunConfig(tracing_disabled=True)
    result = await Runner.run(agent, "go", run_config=config)
    while result.interruptions:
        state = result.to_state()
        for _ in range(saves):
            state = await _saved(agent, state)
        for item in state.get_interruptions():
            state.approve(item)
        result = await Runner.run(agent, state, run_config=config)
    end = result.to_state()
    for _ in range(saves):
        end = await _saved(agent, end)
    items = [item.type for item in end._session_items or end._generated_items]
    found = last_agent(agent, as_raw(result.to_state()))
    return result.final_output, sorted(DONE), items, result.last_agent.name, found and found.name


@pytest.mark.parametrize("nest", [False, True])
@pytest.mark.parametrize("keep", FILTERS)
async def test_the_answer_is_that_of_a_plain_run(keep: Filter | None, nest: bool) -> None:
    plain = await _played(_chain(keep, nest), 0)
    assert plain[:2] == ("end", ["look 0", "look 1", "look 2", "pay 2", "pay 3"])
    assert plain[3:] == ("Third", "Third")
    assert await _played(_chain(keep, nest), 1) == plain
    assert await _played(_chain(keep, nest), 2) == plain


@pytest.mark.parametrize("keep", FILTERS)
async def test_inside_an_agent_used_as_a_tool(keep: Filter | None) -> None:
    plain = await _played(_around(_chain(keep, False)), 0)
    assert plain[1] == ["look 0", "look 1", "look 2", "look 8", "look 9", "pay 2", "pay 3"]
    assert await _played(_around(_chain(keep, False)), 1) == plain
    assert await _played(_around(_chain(keep, False)), 2) == plain


async def test_a_restored_state_knows_what_was_done() -> None:
    agent = _chain(handoff_filters.remove_all_tools, False)
    result = await Runner.run(agent, "go", run_config=RunConfig(tracing_disabled=True))
    raw = as_raw(result.to_state())
    again = await restore(agent, json.loads(json.dumps(raw)))
    assert as_raw(again)["context"]["tool_invocations"] == raw["context"]["tool_invocations"]
    done = {key for key, call in raw["context"]["tool_invocations"].items() if call["completed"]}
    assert {"look_0", "look_1"} <= done


async def test_one_state_goes_on_more_than_once() -> None:
    agent = _chain(handoff_filters.remove_all_tools, False)
    config = RunConfig(tracing_disabled=True)
    raw = as_raw((await Runner.run(agent, "go", run_config=config)).to_state())
    states = [await restore(agent, raw) for _ in range(3)]
    assert [len(state.get_interruptions()) for state in states] == [1, 1, 1]
    assert raw == as_raw(states[0])
