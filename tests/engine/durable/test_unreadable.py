"""Arguments that no program can read or no database store: told to the model, asked of nobody."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, handoff

from approvals.models import ApprovalRequest
from approvals.services.decisions import decide
from tests.campaign import code, machine, mcp, tools
from tests.campaign.double import Json, script
from tests.campaign.installation import Installation
from timestep.models import Run

OUTPUTS: Json = {"text": "{outputs}"}
LONE = '{"tag": "x\\ud83d", "seconds": 0}'


def deep(levels: int) -> str:
    """Arguments of so many levels."""
    return f'{{"tag": {"[" * levels}{"]" * levels}, "seconds": 0}}'


UNREADABLE = {
    "cut": '{"tag": "a", "sec',
    "list": '["a", 0]',
    "text": "just words",
    "blank": " ",
    "deep": deep(3_000),
    "abyss": deep(100_000),
    "huge": f'{{"tag": "a", "seconds": {"9" * 10_000}}}',
    "twice": '{"tag": "a"}{"tag": "b"}',
}
MISFIT = {"missing": '{"tag": "a"}', "other": '{"tag": "a", "seconds": "soon"}'}


def asked_for(engine: Installation, text: str, name: str, arguments: str, *more: Json) -> None:
    """Let the model call a tool with arguments as they are, and then repeat what it was told."""
    made = {"name": name, "arguments": arguments, "call_id": f"call-{text}"}
    engine.double.says(script(text, {"calls": [made, *more]}, OUTPUTS))


def ended(engine: Installation, agent: Agent[Any], text: str) -> Run:
    """The run of the agent, once it has ended or waits."""
    run = engine.wait(engine.launch_code(agent, text), "succeeded", "failed", "awaiting_approval")
    assert run.status == "succeeded", engine.described(run)
    return run


@pytest.mark.parametrize("name", ["pay", "fetch"])
@pytest.mark.parametrize("kind", UNREADABLE)
def test_the_model_is_told_at_once(engine: Installation, name: str, kind: str) -> None:
    text = f"unreadable-{name}-{kind}"
    asked_for(engine, text, name, UNREADABLE[kind])
    agent = Agent[Any](name="payer", model="test-model", tools=[tools.pay, tools.fetch])
    run = ended(engine, agent, text)
    assert f"The call was not made: Invalid JSON input for tool {name}" in str(run.final_output)
    assert not ApprovalRequest.objects.filter(run=run).exists()
    assert not engine.calls(name, "start", f"call-{text}")
    [event] = engine.events(run, "tool.finished")
    assert (event.payload["ok"], event.payload["call_id"]) == (False, f"call-{text}")


@pytest.mark.parametrize("kind", MISFIT)
def test_a_call_that_cannot_fit_asks_nobody(engine: Installation, kind: str) -> None:
    text = f"misfit-{kind}"
    asked_for(engine, text, "pay", MISFIT[kind])
    run = ended(engine, Agent[Any](name="payer", model="test-model", tools=[tools.pay]), text)
    assert "Invalid JSON input for tool pay: seconds: " in str(run.final_output)
    assert not ApprovalRequest.objects.filter(run=run).exists()


@pytest.mark.parametrize("kind", ["cut", "abyss"])
def test_an_agent_as_tool_and_a_server_are_not_asked_for(engine: Installation, kind: str) -> None:
    text = f"unreadable-others-{kind}"
    child = Agent[Any](name="child", model="test-model")
    asks = child.as_tool("ask_child", "Ask.", needs_approval=True)
    again = {"name": "change", "arguments": UNREADABLE[kind], "call_id": f"change-{text}"}
    asked_for(engine, text, "ask_child", UNREADABLE[kind], again)
    agent = mcp.user("parent", mcp.stdio(engine, require_approval="always"))
    agent.tools = [asks]
    run = ended(engine, agent, text)
    for name in ("ask_child", "change"):
        assert f"Invalid JSON input for tool {name}" in str(run.final_output)
    assert not ApprovalRequest.objects.filter(run=run).exists()


@pytest.mark.parametrize("kind", ["cut", "abyss"])
def test_a_handoff_whose_input_cannot_be_read_is_told_too(engine: Installation, kind: str) -> None:
    text = f"unreadable-handoff-{kind}"
    desk = Agent[Any](name="desk", model="test-model")
    agent = Agent[Any](name="porter", model="test-model")
    agent.handoffs = [handoff(desk, on_handoff=code.noted_topic, input_type=code.Topic)]
    asked_for(engine, text, "transfer_to_desk", UNREADABLE[kind])
    run = ended(engine, agent, text)
    assert "Invalid JSON input for tool transfer_to_desk" in str(run.final_output)
    assert engine.events(run, "handoff") == []


def test_a_handoff_without_input_is_taken_whatever_its_arguments_are(engine: Installation) -> None:
    text = "unreadable-handoff-plain"
    desk = Agent[Any](name="desk", model="test-model")
    asked_for(engine, text, "transfer_to_desk", UNREADABLE["abyss"])
    run = ended(engine, Agent[Any](name="porter", model="test-model", handoffs=[desk]), text)
    assert len(engine.events(run, "handoff")) == 1


@pytest.mark.parametrize("name", ["pay", "fetch"])
def test_half_a_character_is_replaced_everywhere(engine: Installation, name: str) -> None:
    text = f"lone-{name}"
    asked_for(engine, text, name, LONE)
    agent = Agent[Any](name="payer", model="test-model", tools=[tools.pay, tools.fetch])
    run = engine.launch_code(agent, text)
    if name == "pay":
        engine.wait(run, "awaiting_approval", "failed")
        [asked] = engine.asked(run)
        assert asked.arguments == {"tag": "x\ufffd", "seconds": 0}
        decide(asked.approval_id, approve=True, by=engine.person())
    run = engine.wait(run, "succeeded", "failed")
    assert run.status == "succeeded", engine.described(run)
    assert run.final_output == tools.expected(name, "x\ufffd", f"call-{text}")


def test_half_a_character_in_other_calls(engine: Installation) -> None:
    text = "lone-others"
    child = Agent[Any](name="child", model="test-model")
    engine.double.says(script("lone-child", {"text": "child was asked"}))
    items = [
        machine.custom(f"{text}-custom", "why\ud83d"),
        machine.shell(f"{text}-shell", "\ud83d"),
    ]
    asks = {"name": "ask_child", "arguments": '{"input": "lone-child \\udc00"}'}
    engine.double.says(script(text, {"items": items, "calls": [asks]}, OUTPUTS))
    agent = Agent[Any](name="parent", model="test-model", tools=machine.all_tools())
    agent.tools = [*agent.tools, child.as_tool("ask_child", "Ask.")]
    run = ended(engine, agent, text)
    assert "answer to why\ufffd" in str(run.final_output)
    assert "child was asked" in str(run.final_output)


def test_half_a_character_in_a_structured_answer(engine: Installation) -> None:
    text = "lone-structured"
    engine.double.says(script(text, {"text": '{"title":"a\\ud83db\\u0000","lines":[]}'}))
    run = ended(engine, Agent[Any](name="s", model="test-model", output_type=code.Report), text)
    assert run.final_output == {"title": "a\ufffdb\ufffd", "lines": []}
