"""`run_agent_workflow`: results, ids, contexts, processors, time limits."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.campaign.double import script
from tests.campaign.installation import Installation
from tests.library.program import Program, Raised
from tests.stack import ROOT

ITEMS = [
    {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "please add 2 and 3"}],
    }
]


def test_a_run_gives_output_items_and_usage(program: Program) -> None:
    result = program.call("run", agent="adder", input_items=ITEMS)
    assert result["status"] == "succeeded"
    assert result["output"].startswith("Add: 5.")
    assert result["items"][-3:] == [
        "tool_call_item",
        "tool_call_output_item",
        "message_output_item",
    ]
    assert result["requests"] == 2


def test_the_same_id_twice_is_one_execution(engine: Installation, program: Program) -> None:
    engine.double.says(script("once only", {"text": "said once"}))
    asked = {"agent": "talker", "input_items": "once only", "workflow_id": "same-1"}
    first = program.call("run", **asked)
    assert program.call("run", **asked) == first
    assert first["output"] == "said once"
    assert len(engine.double.requests("once only")) == 1


def test_the_same_id_many_times_at_once_is_one_execution(
    engine: Installation, program: Program
) -> None:
    engine.double.says(script("at once", {"text": "said", "delay": 0.3}))
    asked = {"agent": "talker", "input_items": "at once", "workflow_id": "same-2", "times": 20}
    results = program.call("run_at_once", **asked)
    assert {result["output"] for result in results} == {"said"}
    assert len(engine.double.requests("at once")) == 1


def test_the_same_id_from_two_processes_at_once(engine: Installation, program: Program) -> None:
    engine.double.says(script("from two", {"text": "shared", "delay": 1.0}))
    asked = {"agent": "talker", "input_items": "from two", "workflow_id": "same-3"}
    second = Program(engine).ready()
    for one in (program, second):
        one.begin("run", **asked)
    results = [one.result() for one in (program, second)]
    assert results[0] == results[1]
    assert len(engine.double.requests("from two")) == 1
    assert second.close() == 0


def test_who_stops_waiting_at_the_start_leaves_no_run_standing(program: Program) -> None:
    before = program.log()
    ended = program.call("run_after_waits", agent="adder", input_items="add 1 and 2", times=10)
    assert ended["statuses"] == ["succeeded"] * 10
    assert "stands still" not in program.log().removeprefix(before)


@pytest.mark.parametrize(
    ("other", "differs"),
    [({"agent": "other"}, "agent"), ({"input_items": "add 9 and 9"}, "input")],
)
def test_the_same_id_with_something_else_is_refused(
    program: Program, other: dict[str, Any], differs: str
) -> None:
    asked = {"agent": "adder", "input_items": "add 1 and 1", "workflow_id": f"taken-{differs}"}
    program.call("run", **asked)
    with pytest.raises(Raised, match=f"another {differs}") as raised:
        program.call("run", **(asked | other))
    assert raised.value.name == "RunIdInUse"


def test_a_run_that_waits_for_approval_is_given_as_it_stands(program: Program) -> None:
    asked = {"agent": "wiper", "input_items": "wipe the disk", "workflow_id": "stands-1"}
    first = program.call("run", **asked)
    assert (first["status"], first["waiting"], first["output"]) == (
        "awaiting_approval",
        ["wipe"],
        None,
    )
    assert program.call("run", **asked) == first


@pytest.mark.parametrize("approve", [True, False])
def test_a_decided_state_continues_the_run(program: Program, approve: bool) -> None:
    first, second = program.call(
        "decide", agent="wiper", input_items="wipe the disk", approve=approve
    )
    assert second["run_id"] == first["run_id"]
    assert second["status"] == "succeeded"
    assert ("wiped" if approve else "not today") in second["output"]


def test_a_context_of_our_own_class_reaches_the_tools(program: Program) -> None:
    assert "Shop corner" in program.call("run_in_shop", name="corner")["output"]


def test_a_structured_output_comes_back_as_its_type(engine: Installation, program: Program) -> None:
    engine.double.says(script("sum up", {"text": '{"total": 7}'}))
    result = program.call("run", agent="summer", input_items="sum up")
    assert (result["type"], result["output"]) == ("Sum", {"total": 7})


def test_a_processor_makes_the_result(program: Program) -> None:
    made = program.call("processed", agent="adder", input_items="add 1 and 2")
    assert made.startswith("processed Add: 3.")


def test_a_timeout_stops_the_model_call_and_says_so(engine: Installation, program: Program) -> None:
    engine.double.says(script("endless", {"tokens": 900, "token_delay": 0.1}))
    began = time.monotonic()
    asked = {"agent": "talker", "input_items": "endless", "workflow_id": "endless-1"}
    with pytest.raises(Raised, match=r"1\.5 s of executing time") as raised:
        program.call("run", **asked, timeout_seconds=1.5)
    assert raised.value.name == "RunTimedOut"
    assert time.monotonic() - began < 6
    assert engine.run("endless-1").status == "timed_out"


def test_a_failed_run_raises_what_failed(engine: Installation, program: Program) -> None:
    engine.double.says(script("refused", {"faults": [{"status": 400, "message": "bad prompt"}]}))
    with pytest.raises(Raised, match="bad prompt") as raised:
        program.call("run", agent="talker", input_items="refused", workflow_id="failed-1")
    assert raised.value.name == "RunFailed"
    assert raised.value.about["run_id"] == "failed-1"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"input_items": ""}, "input_items"),
        ({"workflow_id": "no spaces"}, "workflow_id"),
        ({"workflow_id": ""}, "workflow_id"),
        ({"workflow_id": 7}, "workflow_id"),
        ({"timeout_seconds": -1}, "timeout_seconds"),
        ({"timeout_seconds": "5"}, "timeout_seconds"),
        ({"max_turns": True}, "max_turns"),
        ({"stream": "yes"}, "stream"),
        ({"max_turns": 0}, "max_turns"),
    ],
)
def test_bad_input_names_its_field(program: Program, given: dict[str, Any], field: str) -> None:
    with pytest.raises(Raised) as raised:
        program.call("run", **({"agent": "adder", "input_items": "add 1 and 1"} | given))
    assert (raised.value.name, raised.value.about["field"]) == ("InvalidInput", field)


def test_runs_are_labelled_and_say_where_they_come_from(
    engine: Installation, program: Program
) -> None:
    run = engine.run(program.call("run", agent="adder", input_items="add 1 and 1")["run_id"])
    assert (run.label, run.queue) == ("driven", "direct")
    assert run.launched_from == f"program {ROOT / 'tests/library/driver.py'}"


@pytest.mark.parametrize("stream", [False, True])
def test_a_plain_run_keeps_nothing(engine: Installation, program: Program, stream: bool) -> None:
    from timestep.models import Run  # noqa: PLC0415

    before = Run.objects.count()
    output = program.call("plain", agent="adder", run_input="add 20 and 3", stream=stream)
    assert output.startswith("Add: 23.")
    assert Run.objects.count() == before
