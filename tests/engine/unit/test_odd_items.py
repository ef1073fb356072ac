"""States with items that the SDK cannot read again: they are restored, and gone on with."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agents import Agent, ModelResponse, RunConfig, Runner, Usage, function_tool
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from openai._models import construct_type
from openai.types.responses import ResponseOutputItem

from timestep.engine.model_responses import as_record, from_record
from timestep.engine.states import as_raw, restore

TEXT = {"type": "output_text", "text": "hello", "annotations": []}
SAID = {"type": "message", "id": "t", "role": "assistant", "status": "completed"}
ODD: dict[str, dict[str, Any]] = {
    "an unknown item": {"type": "mystery", "id": "m1", "payload": {"a": [1, {"b": None}]}},
    "one with words": {"type": "mystery", "id": "m1", "content": [TEXT]},
    "one without a type": {"id": "m1", "x": 1},
    "an unknown part": SAID | {"content": [TEXT, {"type": "hum", "tune": "la"}]},
    "no annotations": SAID | {"content": [{"type": "output_text", "text": "hello"}]},
    "reasoning without a summary": {"type": "reasoning", "id": "r1"},
    "odd reasoning": {"type": "reasoning", "id": "r1", "summary": [], "content": [{"type": "x"}]},
    "no text": SAID | {"content": [{"type": "output_text", "text": None}]},
}
QUIET = RunConfig(tracing_disabled=True)

pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")


@function_tool(needs_approval=True)
def pay(n: int) -> str:
    """Pay."""
    return f"paid {n}"


def _step(*items: Any) -> ModelStep:
    """An answer as a run has it: read back from its record."""
    made = [
        construct_type(value=item, type_=ResponseOutputItem) if isinstance(item, dict) else item
        for item in items
    ]
    response = ModelResponse(output=made, usage=Usage(), response_id=None)  # type: ignore[arg-type]
    return ModelStep(output=from_record(json.loads(json.dumps(as_record(response)))).output)


def _pays(n: int) -> Any:
    return function_call("pay", {"n": n}, call_id=f"pay_{n}")


async def _stored(agent: Agent[Any], state: Any) -> Any:
    return await restore(agent, json.loads(json.dumps(as_raw(state))))


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
async def test_an_approved_run_goes_on_with_them(odd: dict[str, Any]) -> None:
    model = ScriptedModel([_step(odd, _pays(1)), _step(odd, assistant_message("done"))])
    agent = Agent[Any](name="payer", model=model, tools=[pay])
    first = (await Runner.run(agent, "go", run_config=QUIET)).to_state()
    state = await _stored(agent, first)
    assert as_raw(state) == as_raw(first)
    state.approve(state.get_interruptions()[0])
    result = await Runner.run(agent, state, run_config=QUIET)
    assert result.final_output == "done"
    again = await _stored(agent, result.to_state())
    assert as_raw(again) == as_raw(result.to_state())


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
async def test_inside_an_agent_used_as_a_tool(odd: dict[str, Any]) -> None:
    inner = ScriptedModel([_step(odd, _pays(1)), _step(odd, assistant_message("inner"))])
    child = Agent[Any](name="child", model=inner, tools=[pay])
    asks = function_call("ask", {"input": "go"}, call_id="ask_1")
    outer = ScriptedModel([_step(odd, asks), _step(assistant_message("done"))])
    agent = Agent[Any](name="above", model=outer, tools=[child.as_tool("ask", "Ask.")])
    first = (await Runner.run(agent, "go", run_config=QUIET)).to_state()
    state = await _stored(agent, first)
    state.approve(state.get_interruptions()[0])
    assert (await Runner.run(agent, state, run_config=QUIET)).final_output == "done"
