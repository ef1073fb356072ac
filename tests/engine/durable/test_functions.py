"""What an agent's author decides with functions: asked once, and a replay takes the same way."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, WebSearchTool, handoff

from approvals.services.decisions import decide
from tests.campaign import code, tools
from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation
from timestep.models import Run

OUTPUTS: Json = {"text": "{outputs}"}
# Hangs the first time it is asked for: where a test kills the worker.
STUCK: Json = OUTPUTS | {"faults": [{"break": "hang", "after": 0}]}


def agent(name: str, **fields: Any) -> Agent[Any]:
    """An agent of the double's model."""
    return Agent(name=name, model="test-model", **fields)


def killed(engine: Installation, run: Run, *, models: int) -> Run:
    """The run after a kill in its n-th model call, once it has ended on the next worker."""
    engine.event(run, "model.started", count=models)
    engine.kill()
    engine.ready()
    return engine.wait(run, "succeeded", "failed", "awaiting_approval")


def call_ids(engine: Installation, run: Run, turn: int = 0) -> list[str]:
    """The ids of the calls of a model call."""
    made = engine.events(run, "model.finished")[turn]
    return [one["call_id"] for one in made.payload["tool_calls"]]


def test_dynamic_instructions_are_written_once_per_turn(engine: Installation) -> None:
    text = "functions-instructions"
    fetch = {"calls": [call("fetch", tag="a", seconds=0)]}
    engine.double.says(script(text, fetch, STUCK))
    starter = agent("nonce", instructions=code.nonce_instructions, tools=[tools.fetch])
    run = killed(engine, engine.launch_code(starter, text), models=2)
    assert run.status == "succeeded", engine.described(run)
    asked = engine.double.requests(text, bodies=True)
    words = [request["body"]["instructions"] for request in asked]
    assert len(words) == 3
    assert words[1] == words[2] != words[0]


def test_a_tool_that_was_enabled_stays_so_on_a_replay(engine: Installation) -> None:
    text = "functions-enabled"
    first = {"calls": [call("fleeting", tag="a")]}
    engine.double.says(script(text, first, STUCK))
    run = engine.launch_code(agent("fleeting-agent", tools=[code.fleeting]), text)
    run = killed(engine, run, models=2)
    [made] = call_ids(engine, run)
    assert run.final_output == tools.expected("fleeting", "a", made), engine.described(run)
    bodies = [request["body"] for request in engine.double.requests(text, bodies=True)]
    assert [len(body.get("tools") or []) for body in bodies] == [1, 0, 0]


def test_a_function_that_ends_the_run_is_asked_once(engine: Installation) -> None:
    text = "functions-function-stops"
    engine.double.says(script(text, {"calls": [call("fetch", tag="final", seconds=0)]}, OUTPUTS))
    starter = agent("stopper", tools=[tools.fetch], tool_use_behavior=code.stop_at_report)
    run = engine.wait(engine.launch_code(starter, text), "succeeded", "failed")
    [made] = call_ids(engine, run)
    assert run.final_output == f"stopped with {tools.expected('fetch', 'final', made)}"
    assert len(engine.double.requests(text)) == 1


@pytest.mark.parametrize("behaviour", ["stop_on_first_tool", {"stop_at_tool_names": ["fetch"]}])
def test_a_tool_that_ends_the_run(engine: Installation, behaviour: Any) -> None:
    text = f"functions-stops-{len(behaviour):02}"
    engine.double.says(script(text, {"calls": [call("fetch", tag="z", seconds=0)]}, OUTPUTS))
    starter = agent("first-stopper", tools=[tools.fetch], tool_use_behavior=behaviour)
    run = engine.wait(engine.launch_code(starter, text), "succeeded", "failed")
    assert run.final_output == tools.expected("fetch", "z", call_ids(engine, run)[0])
    assert len(engine.double.requests(text)) == 1


def test_a_function_says_which_calls_ask_a_person(engine: Installation) -> None:
    text = "functions-ask"
    calls = [call("pay_sometimes", tag=tag, seconds=0) for tag in ("ask", "free")]
    engine.double.says(script(text, {"calls": calls}, OUTPUTS))
    run = engine.launch_code(agent("payer", tools=[code.pay_sometimes]), text)
    run = engine.wait(run, "awaiting_approval", "succeeded", "failed")
    [asked] = engine.asked(run)
    assert asked.arguments["tag"] == "ask"
    decide(asked.approval_id, approve=True, by=engine.person())
    run = engine.wait(run, "succeeded", "failed")
    ids = call_ids(engine, run)
    pairs = zip(("ask", "free"), ids, strict=True)
    outputs = {tools.expected("pay_sometimes", tag, one) for tag, one in pairs}
    assert set(str(run.final_output).split(" | ")) == outputs
    assert [len(engine.calls("pay_sometimes", "start", one)) for one in ids] == [1, 1]


def test_a_handoff_with_a_filter_and_a_callback(engine: Installation) -> None:
    text = "functions-handoff"
    over = {"calls": [call("transfer_to_closer")]}
    engine.double.says(script(text, over, {"calls": [call("transfer_to_opener")]}, STUCK))
    closer, opener = agent("closer"), agent("opener")
    opener.handoffs = [handoff(closer, input_filter=code.same_items, on_handoff=code.noted_handoff)]
    closer.handoffs = [opener]
    before = len(engine.calls("noted_handoff", "start"))
    run = killed(engine, engine.launch_code(opener, text), models=3)
    assert run.status == "succeeded", engine.described(run)
    hops = [event.payload for event in engine.events(run, "handoff")]
    assert [(hop["from"], hop["to"]) for hop in hops] == [
        ("opener", "closer"),
        ("closer", "opener"),
    ]
    assert len(engine.calls("noted_handoff", "start")) == before + 1


def test_structured_outputs_and_hosted_tools(engine: Installation) -> None:
    text = "functions-structured"
    searched = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    searched["action"] = {"type": "search", "query": "durable agents"}  # type: ignore[assignment]
    answer = {"text": '{"title": "T", "lines": ["a", "b"]}', "items": [searched]}
    engine.double.says(script(text, answer))
    reporter = agent("reporter", tools=[WebSearchTool()], output_type=code.Report)
    run = engine.wait(engine.launch_code(reporter, text), "succeeded", "failed")
    assert run.final_output == {"title": "T", "lines": ["a", "b"]}, engine.described(run)
    [made] = engine.events(run, "model.finished")
    [hosted] = made.payload["hosted_calls"]
    assert (hosted["name"], hosted["status"]) == ("web_search", "completed")
    assert "durable agents" in hosted["details"]


def test_what_a_failure_function_tells_the_model(engine: Installation) -> None:
    text = "functions-failure"
    engine.double.says(script(text, {"calls": [call("fail_with_words", tag="x")]}, OUTPUTS))
    run = engine.launch_code(agent("failing", tools=[code.fail_with_words]), text)
    run = engine.wait(run, "succeeded", "failed")
    assert run.final_output == "told: nothing for x"
    [made] = engine.events(run, "tool.finished")
    assert (made.payload["ok"], made.payload["error"]) == (False, "ValueError: nothing for x")
