"""What people are asked: the words of the agent and of the tool."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from agents import Agent, FunctionTool, RunConfig, Runner, function_tool
from agents.testing import ScriptedModel, assistant_message, function_call

from timestep.engine import asking
from timestep.engine.asking import as_interruptions
from timestep.engine.execution import Scope
from timestep.engine.step_ids import StepIds
from timestep.gate import Interruption
from timestep.tools import mark

QUIET = RunConfig(tracing_disabled=True)


def _refund(**options: Any) -> FunctionTool:
    @function_tool(needs_approval=True)
    def refund(amount: float, to: str) -> str:
        """Pay back."""
        return f"paid {amount} to {to}"

    return mark(refund, **options)


def _agent(tool: FunctionTool) -> Agent[Any]:
    asked = function_call("refund", {"amount": 25.0, "to": "Ana"}, call_id="c1")
    steps = [[assistant_message("May I?"), asked]]
    return Agent(name="desk", model=ScriptedModel(steps), tools=[tool])


async def _asked(agent: Agent[Any]) -> Interruption:
    result = await Runner.run(agent, "hello", run_config=QUIET)
    scope: Any = Scope(None, StepIds([]))  # type: ignore[arg-type]
    [asked] = await as_interruptions(result.to_state(), scope)
    return asked


async def test_people_are_asked_with_what_the_model_wrote() -> None:
    asked = await _asked(_agent(_refund()))
    assert (asked.call_id, asked.agent, asked.tool) == ("c1", "desk", "refund")
    assert json.loads(asked.arguments) == {"amount": 25.0, "to": "Ana"}
    assert (asked.said_before, asked.kind) == ("May I?", "tool_call")


async def test_the_tool_says_what_the_call_would_do() -> None:
    tool = _refund(title="Refund", preview=lambda a: f"Refund {a['amount']:.2f} EUR to {a['to']}")
    asked = await _asked(_agent(tool))
    assert (asked.title, asked.preview) == ("Refund", "Refund 25.00 EUR to Ana")
    assert asked.schema == tool.params_json_schema


@pytest.mark.parametrize(
    "preview", [lambda a: a["gone"], lambda _: None, lambda _: 1 / 0, lambda: "", lambda _: {}]
)
async def test_a_preview_that_fails_is_left_out(preview: Any) -> None:
    asked = await _asked(_agent(_refund(title="Refund", preview=preview)))
    assert (asked.title, asked.preview) == ("Refund", "")


async def test_a_preview_that_never_ends_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PREVIEW_SECONDS", 0.05)
    asked = await _asked(_agent(_refund(preview=lambda _: time.sleep(0.3))))
    assert asked.preview == ""


async def test_a_preview_is_bounded_and_storable() -> None:
    asked = await _asked(_agent(_refund(preview=lambda _: "a\x00" + "b" * 9_999)))
    assert len(asked.preview) == asking.MAX_PREVIEW
    assert asked.preview.startswith("a\ufffdb")


async def test_a_nested_agents_call_comes_with_its_own_words() -> None:
    tool = _refund(preview=lambda a: f"to {a['to']}")
    asks = function_call("ask_desk", {"input": "refund"}, call_id="o1")
    steps = [[assistant_message("Let me ask"), asks]]
    boss = Agent(
        name="boss",
        model=ScriptedModel(steps),
        tools=[_agent(tool).as_tool("ask_desk", "Ask the desk")],
    )
    asked = await _asked(boss)
    assert (asked.agent, asked.said_before, asked.preview) == ("desk", "May I?", "to Ana")


def test_a_servers_regular_expressions_are_left_out() -> None:
    text = {"type": "string", "pattern": "(a+)+$"}
    schema = {"properties": {"pattern": text, "list": {"items": text}}, "patternProperties": {}}
    plain = {"type": "string"}
    expected = {"properties": {"pattern": plain, "list": {"items": plain}}}
    assert asking._without_patterns(schema) == expected
