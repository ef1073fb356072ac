"""Events folded into the rows of a timeline."""

from __future__ import annotations

import pytest
from django.test import Client

from approvals.models import RequestKind
from approvals.services.decisions import resolve_unknown
from tests.approvals.rows import approver, ask_about_unknown, awaiting_run
from tests.web.events import event, model_finished, model_started, tool_call
from tests.workflows.rows import run as make_run
from timestep.models import Run
from workflows.selectors.timeline import rows
from workflows.selectors.timeline_order import call_row
from workflows.selectors.timeline_rows import Row, output_of
from workflows.templatetags.timestep_ui import outcome

pytestmark = pytest.mark.django_db


def timeline(run: Run) -> list[Row]:
    return rows(run.pk, upto=run.last_seq)


def test_calls_are_rows_in_the_order_in_which_they_began() -> None:
    run = make_run("r")
    model_started(run, "0.1")
    tool_call(run, "0.2")
    model_finished(run, "0.1", "hello")
    found = timeline(run)
    assert [(row.dom_id, row.kind, row.state) for row in found] == [
        ("step-0-1", "model", "ok"),
        ("step-0-2", "tool", "ok"),
    ]
    assert found[0].tokens == 812
    assert found[1].summary == '{"id": 7} → found'


def test_a_retry_drops_the_text_of_the_broken_stream() -> None:
    run = make_run("r")
    model_started(run, "0.1")
    event(run, "model.delta", "0.1", text="half a sen")
    event(run, "model.retry", "0.1", error="broken stream", wait_s=0.5)
    event(run, "model.started", "0.1", 102, agent="desk", model="demo/fast")
    event(run, "model.delta", "0.1", 102, text="a whole one")
    (row,) = timeline(run)
    assert row.text == "a whole one"
    assert [retry["error"] for retry in row.retries] == ["broken stream"]


def test_a_delta_of_an_older_attempt_is_left_out() -> None:
    run = make_run("r")
    model_started(run, "0.1")
    event(run, "model.delta", "0.1", 201, text="new")
    event(run, "model.delta", "0.1", 101, text="old")
    assert timeline(run)[0].text == "new"


def test_what_was_under_way_stops_with_the_run() -> None:
    run = make_run("r")
    model_started(run, "0.1")
    tool_call(run, "0.2", ended=False)
    event(run, "run.failed", what="tool lookup", step="0.2", message="no such order")
    model, tool, failure = timeline(run)
    assert (model.state, tool.state, failure.kind) == ("stopped", "failed", "failure")
    assert tool.error == "no such order"


def test_a_retried_step_runs_again() -> None:
    run = make_run("r")
    model_started(run, "0.1")
    event(run, "status", status="failed")
    event(run, "run.retried", by="ana")
    event(run, "model.started", "0.1", 201, agent="desk", model="demo/fast")
    assert [(row.kind, row.state) for row in timeline(run)] == [
        ("model", "running"),
        ("retried", "note"),
    ]


@pytest.mark.parametrize(
    ("said", "state", "summary"),
    [
        ({"tripped": False, "output_info": '{"score": 1}'}, "ok", 'input let pass: {"score": 1}'),
        ({"tripped": True, "output_info": None}, "failed", "input ended the run"),
        ({"tripped": False, "behavior": "reject_content"}, "reject", "input refused"),
    ],
)
def test_a_guardrail_is_a_row(said: dict[str, object], state: str, summary: str) -> None:
    run = make_run("r")
    facts = {"guardrail": "no_math", "kind": "input", "agent": "desk"}
    event(run, "guardrail.started", "0.1", **facts)
    (row,) = timeline(run)
    assert (row.kind, row.state, row.title, row.summary) == (
        "guardrail",
        "running",
        "no_math",
        "input",
    )
    event(run, "guardrail.finished", "0.1", **facts, **said, duration_ms=120)
    (row,) = timeline(run)
    assert (row.state, row.summary, row.duration_ms) == (state, summary, 120)


def test_a_guardrail_that_ended_the_run_says_so() -> None:
    run = make_run("r")
    facts = {"guardrail": "no_math", "kind": "input", "agent": "desk"}
    event(run, "guardrail.finished", "0.1", **facts, tripped=True)
    event(run, "run.failed", what="guardrail no_math", step="0.1", message="no math here")
    guardrail, failure = timeline(run)
    assert (guardrail.state, guardrail.error, failure.kind) == ("failed", "no math here", "failure")


def test_what_the_provider_did_itself_is_in_the_row_of_its_call() -> None:
    run = make_run("r")
    made = {"type": "web_search_call", "name": "web_search", "status": "completed", "details": "{}"}
    model_finished(run, "0.1", hosted_calls=[made])
    (row,) = timeline(run)
    assert row.hosted_calls == [made]
    assert row.summary == "calls web_search"


def test_an_approval_row_carries_its_request_and_then_its_decision() -> None:
    run = awaiting_run()
    facts = {"call_id": "c", "tool": "refund_order"}
    event(run, "approval.requested", **facts, agent="refunds", arguments='{"amount": 25}')
    (row,) = timeline(run)
    assert (row.kind, row.state, row.arguments) == ("approval", "waiting", {"amount": 25})
    event(run, "approval.decided", **facts, outcome="reject", by="ana", reason="too much")
    (row,) = timeline(run)
    assert (row.state, row.by, row.note) == ("reject", "ana", "too much")


@pytest.mark.parametrize("outcome", ["expired", "reject"], ids=["now", "before"])
def test_an_expiry_is_told_as_one_whatever_release_wrote_it(outcome: str) -> None:
    run = awaiting_run()
    told = {"call_id": "c", "tool": "refund_order", "by": "the deadline", "reason": "Nobody"}
    event(run, "approval.decided", **told, outcome=outcome)
    (row,) = timeline(run)
    assert (row.state, row.note) == ("expired", "Nobody")


def test_what_a_policy_denies_is_not_told_as_rejected() -> None:
    run = awaiting_run()
    facts = {"call_id": "c", "tool": "refund_order", "agent": "desk", "arguments": "{}"}
    event(run, "approval.denied", **facts, policy="Refunds", why="too much")
    (row,) = timeline(run)
    assert (outcome(row.state), row.by) == ("denied", "policy “Refunds”")


def test_an_unknown_outcome_asks_in_the_row_of_its_call() -> None:
    run = awaiting_run()
    tool_call(run, "0.2", ended=False)
    facts = {"call_id": "call_1", "tool": "lookup", "agent": "desk", "arguments": "{}"}
    event(run, "tool.unknown", **facts)
    event(run, "approval.requested", **facts, kind=RequestKind.OUTCOME_UNKNOWN)
    (asked,) = ask_about_unknown(run, "call_1")
    (row,) = timeline(run)
    assert (row.dom_id, row.state, row.request) == ("step-0-2", "unknown", asked)


def test_the_answer_to_an_unknown_outcome_is_a_row_and_changes_the_one_that_asked() -> None:
    run = awaiting_run()
    tool_call(run, "0.2", ended=False)
    event(run, "tool.unknown", call_id="call_1", tool="lookup", agent="desk", arguments="{}")
    (asked,) = ask_about_unknown(run, "call_1")
    resolve_unknown(asked.pk, outcome="run_again", by=approver())
    run.refresh_from_db()
    call, answer = timeline(run)
    assert (answer.kind, answer.state, answer.by) == ("answer", "run_again", "ana")
    assert call.seq == answer.seq


def test_a_takeover_is_a_row_and_a_first_start_is_none() -> None:
    run = make_run("r")
    event(run, "segment.started", n=0, kind="start", worker="w-1")
    event(run, "worker.lost", worker="w-1", silent_s=9.0, resumed_on="w-2")
    event(run, "segment.started", n=0, kind="continue", worker="w-2")
    event(run, "segment.started", n=1, kind="resume", worker="w-2")
    assert [row.kind for row in timeline(run)] == ["worker_lost", "segment"]


def test_the_output_is_what_the_run_says_and_not_an_agent_used_as_a_tool() -> None:
    run = make_run("r")
    model_started(run, "0.1")
    model_started(run, "0.5", parent_call_id="call_1")
    event(run, "model.delta", "0.5", text="inner")
    shown = output_of("running", None, timeline(run))
    assert (shown.text_id, shown.text, shown.streaming) == ("text-0-1", "", True)


@pytest.mark.parametrize("final", ["", "done", {"refunded": True}, [], 0])
def test_a_run_that_succeeded_shows_its_final_output(final: object) -> None:
    assert output_of("succeeded", final, []).final == final


def test_later_events_are_left_for_the_websocket() -> None:
    run = make_run("r")
    model_started(run, "0.1")
    seen = run.last_seq
    event(run, "model.delta", "0.1", text="later")
    assert rows(run.pk, upto=seen)[0].text == ""


def test_a_call_that_a_person_changed_shows_both(owner: Client) -> None:
    run = make_run("run_edited", status="succeeded")
    facts = {"call_id": "call_1", "tool": "refund", "agent": "desk", "arguments": '{"amount": 25}'}
    event(run, "tool.finished", "0.2", **facts, proposed='{"amount": 250}', output="ok", ok=True)
    [row] = timeline(run)
    assert (row.arguments, row.proposed) == ({"amount": 25}, {"amount": 250})
    assert "Proposed by the model" in owner.get("/runs/run_edited/").content.decode()


def test_a_call_that_was_approved_before_says_by_whom(owner: Client) -> None:
    run = make_run("r")
    said = {"approval_id": "apr_1", "call_id": "call_1", "tool": "pay", "by": "ana"}
    event(run, "approval.grant_used", **said)
    (row,) = timeline(run)
    assert row.kind == "granted"
    page = owner.get(f"/runs/{run.pk}/").content.decode()
    assert "pay goes ahead: ana" in page
    assert 'href="/approvals/apr_1/"' in page


HELD = {"kind": "tool", "name": "refund", "agent": "desk", "tool": "refund", "call_id": "c"}


def test_a_call_that_waits_for_a_release_is_a_row_that_ends_with_it(owner: Client) -> None:
    run = make_run("r", status="running")
    event(run, "hold.waiting", **HELD, by="ana", why="<b>twice</b>")
    assert [(row.kind, row.state) for row in timeline(run)] == [("hold", "waiting")]
    event(run, "hold.released", **{**HELD, "call_id": "another"})
    assert timeline(run)[0].state == "waiting"
    event(run, "hold.released", **HELD)
    assert [(row.kind, row.state) for row in timeline(run)] == [("hold", "ok")]
    html = owner.get("/runs/r/").content.decode()
    assert "the tool refund was held by ana (" in " ".join(html.split())
    assert "<b>twice" not in html


def test_a_model_call_that_waits_for_its_turn_says_under_which_limit(owner: Client) -> None:
    run = make_run("r", status="running")
    waits = {"agent": "desk", "model": "demo/fast", "limit": "demo/*", "what": "requests"}
    event(run, "model.waiting", "0.1", **waits)
    assert timeline(run)[0].state == "waiting"
    assert "waits for its turn under demo/*" in owner.get("/runs/r/").content.decode()
    model_started(run, "0.1")
    assert timeline(run)[0].state == "running"


def test_what_waits_when_the_run_ends_has_stopped() -> None:
    run = make_run("r", status="running")
    event(run, "hold.waiting", **HELD, by="ana", why="x")
    event(run, "model.waiting", "0.1", agent="desk", model="demo/fast", limit="demo/*")
    event(run, "status", status="cancelled")
    assert [row.state for row in timeline(run)] == ["stopped", "stopped"]


def test_what_was_changed_of_a_waiting_run_is_told(owner: Client) -> None:
    run = make_run("r")
    event(run, "run.priority", **{"from": None, "to": 1, "by": "ana"})
    event(run, "run.queue", **{"from": "mail", "to": "slow", "by": "ana"})
    event(run, "run.moved", **{"from": 1, "to": 2})
    assert [row.title for row in timeline(run)] == ["priority", "queue", "engine version"]
    html = " ".join(owner.get("/runs/r/").content.decode().split())
    assert "queue mail → slow, by ana" in html
    assert "priority none → 1, by ana" in html


def _inside(call_id: str, step: str = "") -> dict[str, str]:
    return {
        "parent_call_id": call_id,
        "parent_step": step or call_row(call_id)[5:].replace("-", "."),
    }


def _agent_call(run: Run, call_id: str, step: str, **more: str) -> None:
    event(run, "tool.started", step, call_id=call_id, tool="ask", agent="desk", **more)


def test_what_parallel_agents_do_stands_under_their_calls() -> None:
    run, one, other = make_run("r"), _inside("a"), _inside("b")
    calls = [{"call_id": call_id, "name": "ask"} for call_id in "ab"]
    model_finished(run, "0.1", tool_calls=calls)
    _agent_call(run, "a", one["parent_step"])
    _agent_call(run, "b", other["parent_step"])
    model_started(run, "0.30", **other)
    model_started(run, "0.20", **one)
    event(run, "tool.finished", "0.31", call_id="x", tool="look", agent="in", **other)
    event(run, "tool.finished", "0.21", call_id="x", tool="look", agent="in", **one)
    model_started(run, "0.2")
    found = [(row.step, row.depth) for row in timeline(run)]
    assert found == [
        ("0.1", 0), (one["parent_step"], 0), ("0.20", 1), ("0.21", 1),
        (other["parent_step"], 0), ("0.30", 1), ("0.31", 1), ("0.2", 0),
    ]  # fmt: skip


def test_agents_in_agents_that_number_their_calls_alike_are_told_apart() -> None:
    run = make_run("r")
    _agent_call(run, "a", "call.a")
    _agent_call(run, "b", "call.b")
    _agent_call(run, "1", "call.a1", parent_call_id="a", parent_step="call.a")
    _agent_call(run, "1", "call.b1", parent_call_id="b", parent_step="call.b")
    model_started(run, "0.9", parent_call_id="1", parent_step="call.a1")
    found = [(row.step, row.depth) for row in timeline(run)]
    assert found == [("call.a", 0), ("call.a1", 1), ("0.9", 2), ("call.b", 0), ("call.b1", 1)]


def test_what_asks_stands_where_its_call_was_made_and_later_rows_of_a_resume_too() -> None:
    run, inside = make_run("r"), _inside("a")
    _agent_call(run, "a", inside["parent_step"])
    model_finished(run, "0.20", tool_calls=[{"call_id": "pay", "name": "pay"}], **inside)
    tool_call(run, "0.5")
    event(run, "approval.requested", call_id="pay", tool="pay", agent="in", arguments="{}")
    event(run, "segment.started", kind="resume", worker="w-2")
    event(run, "tool.finished", "1.20", call_id="pay", tool="pay", agent="in", **inside)
    found = [(row.kind, row.depth) for row in timeline(run)]
    assert found == [
        ("tool", 0), ("model", 1), ("approval", 1), ("tool", 1), ("tool", 0), ("segment", 0),
    ]  # fmt: skip


def test_rows_that_call_each_other_in_a_circle_are_all_there() -> None:
    run = make_run("r")
    _agent_call(run, "a", "call.a", parent_call_id="b", parent_step="call.b")
    _agent_call(run, "b", "call.b", parent_call_id="a", parent_step="call.a")
    assert {row.step for row in timeline(run)} == {"call.a", "call.b"}


@pytest.mark.parametrize("status", ["running", "awaiting_approval", "failed", "timed_out"])
def test_words_before_the_end_are_no_result(owner: Client, status: str) -> None:
    run = make_run("r", status=status)
    model_finished(run, "0.1", "Let me look that up.")
    page = owner.get("/runs/r/").content.decode()
    assert ">So far</h2>" in page
    assert ">Result</h2>" not in page
    run.status, run.final_output = "succeeded", "Refunded."
    run.save()
    assert ">Result</h2>" in owner.get("/runs/r/").content.decode()
