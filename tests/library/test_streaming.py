"""Streaming a run here, and following one from anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.campaign.double import call, script
from tests.campaign.installation import Installation
from tests.library.program import Program, Raised


def _texts(events: list[dict[str, Any]]) -> str:
    return "".join(
        event["payload"]["text"] for event in events if event["kind"] == "model.finished"
    )


def test_the_events_are_the_sdks(program: Program) -> None:
    seen = program.call("stream", agent="adder", input_items="add 4 and 5")
    kinds = [kind for kind in seen["kinds"] if kind != "raw_response_event"]
    assert kinds[0] == "agent_updated_stream_event"
    assert kinds[-3:] == ["tool_called", "tool_output", "message_output_created"]
    assert seen["text"].endswith(seen["output"])
    assert seen["status"] == "succeeded"


def test_tokens_come_one_by_one(engine: Installation, program: Program) -> None:
    engine.double.says(script("tell me", {"tokens": 20, "token_delay": 0.02}))
    seen = program.call("stream", agent="talker", input_items="tell me")
    assert seen["kinds"].count("raw_response_event") > 20
    assert seen["text"] == seen["output"]


def test_a_stream_ends_where_a_decision_is_awaited(program: Program) -> None:
    seen = program.call("stream", agent="wiper", input_items="wipe the disk")
    assert (seen["status"], seen["waiting"]) == ("awaiting_approval", ["wipe"])


def test_a_failure_is_raised_after_the_last_event(engine: Installation, program: Program) -> None:
    engine.double.says(script("stream no", {"faults": [{"status": 400, "message": "no, thanks"}]}))
    with pytest.raises(Raised, match="no, thanks"):
        program.call("stream", agent="talker", input_items="stream no")


def test_a_run_of_another_process_streams_its_recorded_text(
    engine: Installation, program: Program
) -> None:
    engine.double.says(script("far away", {"tokens": 30, "token_delay": 0.1}))
    asked = {"agent": "talker", "input_items": "far away", "workflow_id": "far-1"}
    second = Program(engine).ready()
    second.begin("run", **asked)
    engine.wait(engine.run_of("far-1"), "running")
    seen = program.call("stream", **asked)
    assert seen["output"] == second.result()["output"]
    assert seen["text"] == seen["output"]
    second.close()


def test_following_gives_every_event_from_any_point(engine: Installation, program: Program) -> None:
    turns = (call("fetch", tag="f", seconds=0), {"text": "done {outputs}"})
    engine.double.says(script("follow me", {"calls": [turns[0]]}, turns[1]))
    run_id = program.call("run", agent="worker", input_items="follow me")["run_id"]
    events = program.call("followed", run_id=run_id)
    kinds = [event["kind"] for event in events]
    assert kinds[0] == "status"
    assert kinds[-1] == "run.finished"
    assert "done" in _texts(events)
    middle = events[len(events) // 2]["seq"]
    later = program.call("followed", run_id=run_id, after=middle)
    assert later == [event for event in events if event["seq"] > middle]
    assert json.dumps(later)


def test_following_no_run_is_an_error(program: Program) -> None:
    with pytest.raises(Raised) as raised:
        program.call("followed", run_id="nowhere")
    assert raised.value.name == "RunNotFound"
