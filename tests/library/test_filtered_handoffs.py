"""Handoffs that change what the next agent is given: results, approvals and sessions after them."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation
from tests.library.program import Program
from timestep.models import Run, RunResult

OVER: Json = {"calls": [call("fetch", tag="f", seconds=0), call("transfer_to_back")]}
SUM: Json = {"text": '{"total": 7}'}
PAYS: Json = {"calls": [call("pay", tag="p", seconds=0)]}


@pytest.fixture
def name(engine: Installation) -> str:
    """The input of a test's own conversation, which is its session too."""
    return f"filtered-{secrets.token_hex(4)}"


def _says(engine: Installation, name: str, over: Json, *after: Json) -> None:
    front = script(name, over, instructions_contain="At the front.")
    engine.double.says(front, script(name, *after, instructions_contain="At the back."))


def test_the_result_of_a_run_that_ended_there(
    engine: Installation, program: Program, name: str
) -> None:
    _says(engine, name, {"text": "one moment", **OVER}, {}, SUM)
    result = program.call("begin", input_items=name, agent="front", session_id=name)
    assert (result["status"], result["type"], result["output"]) == (
        "succeeded",
        "Sum",
        {"total": 7},
    )
    assert result["items"][-1] == "message_output_item"
    [asked] = engine.double.requests(name, bodies=True)[1:]
    assert "function_call" not in str(asked["body"]["input"])


def test_a_call_that_waits_after_it(engine: Installation, program: Program, name: str) -> None:
    _says(engine, name, OVER, PAYS, SUM)
    first = program.call("begin", input_items=name, agent="front", session_id=name)
    assert (first["status"], first["waiting"]) == ("awaiting_approval", ["pay"])
    decided: dict[str, Any] = {"session_id": name, "approve": ["p"], "agent": "front"}
    last = program.call("decide_loaded", **decided)
    assert (last["status"], last["output"]) == ("succeeded", {"total": 7})
    conversations = {one["conversation"] for one in engine.double.requests(name)}
    made = [
        one
        for c in conversations
        for tool in ("fetch", "pay")
        for one in engine.calls(tool, "start", c)
    ]
    assert len(made) == 2


def test_inside_an_agent_used_as_a_tool(engine: Installation, program: Program, name: str) -> None:
    inside = f"inside-{name}"
    asks = [call("fetch", tag="o", seconds=0), call("ask_front", input=inside)]
    engine.double.says(
        script(name, {"calls": asks}, {"text": "{outputs}"}, instructions_contain="Above.")
    )
    _says(engine, inside, OVER, PAYS, SUM)
    first = program.call("begin", input_items=name, agent="above", session_id=name)
    assert first["waiting"] == ["pay"]
    last = program.call("decide_loaded", session_id=name, approve=["p"], agent="above")
    assert last["status"] == "succeeded"
    assert last["output"].endswith("total=7")
    assert len(engine.double.requests(inside)) == 3


def test_a_result_without_a_readable_state(
    engine: Installation, program: Program, name: str
) -> None:
    _says(engine, name, {"text": "one moment", **OVER}, {}, SUM)
    asked = {"agent": "front", "input_items": name, "workflow_id": name}
    assert program.call("begin", **asked)["output"] == {"total": 7}
    RunResult.objects.filter(run_id=name).update(body=b"damaged")
    again = program.call("begin", **asked)
    assert (again["status"], again["output"], again["items"]) == ("succeeded", {"total": 7}, [])
    assert Run.objects.get(run_id=name).status == "succeeded"
