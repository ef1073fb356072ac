"""The documented loop with real runs: load, decide, go on, from whichever process."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from approvals.models import ApprovalRequest, Decision
from approvals.services import audit
from approvals.services.decisions import decide
from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation
from tests.library.program import Program, Raised
from timestep.models import Run, Segment

OUTPUTS: Json = {"text": "{outputs}"}


def _pays(*tags: str) -> Json:
    return {"calls": [call("pay", tag=tag, seconds=0) for tag in tags]}


@pytest.fixture
def name(engine: Installation) -> str:
    """The input of a test's own conversation, which is its session too."""
    return f"states-{secrets.token_hex(4)}"


def test_another_process_loads_decides_and_goes_on(
    engine: Installation, program: Program, name: str
) -> None:
    engine.double.says(script(name, _pays("a", "b"), OUTPUTS))
    first = program.call("begin", input_items=name, session_id=name)
    assert (first["status"], first["waiting"]) == ("awaiting_approval", ["pay", "pay"])
    other = Program(engine).ready()
    second = other.call("decide_loaded", session_id=name, approve=["a"], reject={"b": "no receipt"})
    assert other.close() == 0
    assert (second["run_id"], second["status"]) == (first["run_id"], "succeeded")
    assert "pay:a:" in second["output"]
    assert "no receipt" in second["output"]
    assert "person" not in second["output"]


def test_what_the_program_decided_closes_the_requests(
    engine: Installation, program: Program, name: str
) -> None:
    engine.double.says(script(name, _pays("a", "b"), OUTPUTS))
    run_id = program.call("begin", input_items=name, session_id=name)["run_id"]
    program.call("decide_loaded", session_id=name, approve=["a"], reject={"b": "no receipt"})
    decisions = Decision.objects.filter(request__run_id=run_id).order_by("outcome")
    assert [(d.outcome, d.reason, d.via) for d in decisions] == [
        ("approve", "", "program"),
        ("reject", "no receipt", "program"),
    ]
    assert audit.verify().ok


def test_what_is_left_open_is_asked_again_and_people_may_decide_it(
    engine: Installation, program: Program, name: str
) -> None:
    engine.double.says(script(name, _pays("a", "b"), OUTPUTS))
    run_id = program.call("begin", input_items=name, session_id=name)["run_id"]
    again = program.call("decide_loaded", session_id=name, approve=["a"])
    assert (again["run_id"], again["status"]) == (run_id, "awaiting_approval")
    assert program.call("revisions", session_id=name) == [[run_id, 1, False], [run_id, 2, True]]
    requests = ApprovalRequest.objects.filter(run_id=run_id).order_by("revision", "call_id")
    assert sorted((r.revision, r.status) for r in requests) == [
        (1, "approved"),
        (1, "void"),
        (2, "pending"),
    ]
    [waiting] = engine.asked(engine.run(run_id))
    decide(waiting.approval_id, approve=True, by=engine.person())
    ended = engine.wait(engine.run(run_id), "succeeded")
    assert "pay:a:" in ended.final_output
    assert "pay:b:" in ended.final_output


def test_an_approval_for_ever_covers_the_next_turn(
    engine: Installation, program: Program, name: str
) -> None:
    engine.double.says(script(name, _pays("a"), _pays("b"), OUTPUTS))
    program.call("begin", input_items=name, session_id=name)
    ended = program.call("decide_loaded", session_id=name, approve=["a"], always=True)
    assert ended["status"] == "succeeded"
    assert "pay:b:" in ended["output"]


def test_a_call_inside_an_agent_used_as_a_tool_is_decided_too(
    engine: Installation, program: Program, name: str
) -> None:
    inner = f"inner-{name.removeprefix('states-')}"
    engine.double.says(
        script(name, {"calls": [call("ask_payer", input=inner)]}, OUTPUTS),
        script(inner, _pays("a", "b"), {"text": "inner: {outputs}"}),
    )
    program.call("begin", input_items=name, session_id=name, agent="boss")
    part = program.call("decide_loaded", session_id=name, approve=["a"], agent="boss")
    assert part["status"] == "awaiting_approval"
    ended = program.call("decide_loaded", session_id=name, approve=["b"], agent="boss")
    assert ended["status"] == "succeeded"
    assert "pay:a:" in ended["output"]
    assert "pay:b:" in ended["output"]


def test_a_context_of_our_own_class_survives_the_decision(
    engine: Installation, program: Program, name: str
) -> None:
    opens = [{"calls": [call("open_shop", tag=tag)]} for tag in "ab"]
    engine.double.says(script(name, *opens, OUTPUTS))
    program.call("begin_in_shop", input_items=name, session_id=name, name="corner")
    asked = {"session_id": name, "agent": "shopkeeper"}
    assert program.call("decide_loaded", **asked, approve=["a"])["status"] == "awaiting_approval"
    ended = program.call("decide_loaded", **asked, approve=["b"])
    assert "opened Shop corner for a" in ended["output"]
    assert "opened Shop corner for b" in ended["output"]


def test_two_processes_that_resume_at_once_start_one_segment(
    engine: Installation, program: Program, name: str
) -> None:
    engine.double.says(script(name, _pays("a"), OUTPUTS))
    run_id = program.call("begin", input_items=name, session_id=name)["run_id"]
    other = Program(engine).ready()
    asked = {"session_id": name, "approve": ["a"], "run_id": run_id}
    for one in (program, other):
        one.begin("decide_loaded", **asked)
    results = [one.result() for one in (program, other)]
    other.close()
    assert results[0] == results[1]
    assert Segment.objects.filter(run_id=run_id).count() == 2
    call_id = Decision.objects.get(request__run_id=run_id).request.call_id
    assert len(engine.calls("pay", "start", call_id)) == 1


def test_another_decision_on_a_resumed_revision_is_refused(
    engine: Installation, program: Program, name: str
) -> None:
    engine.double.says(script(name, _pays("a"), OUTPUTS))
    run_id = program.call("begin", input_items=name, session_id=name)["run_id"]
    asked: dict[str, Any] = {"session_id": name, "run_id": run_id}
    first = program.call("decide_loaded", **asked, approve=["a"])
    assert program.call("decide_loaded", **asked, approve=["a"]) == first
    with pytest.raises(Raised, match=f"revision 1 of run {run_id} was already") as refused:
        program.call("decide_loaded", **asked, reject={"a": "no"})
    assert refused.value.name == "AlreadyResumed"


def test_a_queued_state_goes_on_as_its_run(
    engine: Installation, program: Program, name: str
) -> None:
    engine.double.says(script(name, _pays("a"), OUTPUTS))
    run_id = program.call("begin", input_items=name, session_id=name)["run_id"]
    asked = {"session_id": name, "approve": ["a"]}
    with pytest.raises(Raised, match=f"workflow_id: the state goes on with run {run_id}"):
        program.call("queue_decided", **asked, workflow_id="another")
    assert program.call("queue_decided", **asked, workflow_id=None) == f"{run_id} succeeded"


def test_a_state_that_decides_nothing_is_refused(
    engine: Installation, program: Program, name: str
) -> None:
    engine.double.says(script(name, _pays("a"), OUTPUTS))
    program.call("begin", input_items=name, session_id=name)
    with pytest.raises(Raised, match="state: decides nothing"):
        program.call("decide_loaded", session_id=name)


def test_a_state_without_its_bond_starts_a_new_run(
    engine: Installation, program: Program, name: str
) -> None:
    engine.double.says(script(name, _pays("a"), OUTPUTS))
    first = program.call("begin", input_items=name, session_id=name)
    second = program.call("decide_unbound", session_id=name)
    assert second["run_id"] != first["run_id"]
    assert (second["status"], engine.run(first["run_id"]).status) == (
        "succeeded",
        "awaiting_approval",
    )
    assert "pay:a:" in second["output"]


def test_a_state_of_a_plain_run_goes_on_durably(engine: Installation, program: Program) -> None:
    tag = secrets.token_hex(4)
    engine.double.says(script(f"plain {tag}", {"text": "unused"}, OUTPUTS))
    ended = program.call("plain_state_goes_on_durably", tag=tag)
    assert ended["status"] == "succeeded"
    assert f"pay:{tag}:plain-{tag}" in ended["output"]
    assert Run.objects.filter(run_id=ended["run_id"]).exists()
