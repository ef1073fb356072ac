"""Model calls that fail, with real workers: tried again and seen, or ended with a reason."""

from __future__ import annotations

import itertools

import pytest

from tests.campaign.double import Json, call, script
from tests.campaign.installation import KEY, Installation, agent
from tests.campaign.tools import expected
from timestep.errors import InvalidInput
from timestep.services.resume import resume
from timestep.services.retry import retry
from workflows.selectors.timeline import rows

# What is tested here does not depend on the database.
pytestmark = pytest.mark.sqlite_only
RATE_LIMITED = {"status": 429, "headers": {"retry-after": "0.4"}, "message": "too fast"}


@pytest.mark.parametrize(
    ("name", "fault", "status"),
    [
        ("http-500", {"status": 500, "message": "it broke"}, 500),
        ("cut-reset", {"break": "reset", "after": 2}, None),
        ("cut-short", {"break": "truncate", "after": 2}, None),
        ("cut-event", {"break": "half_event", "after": 2}, None),
        ("says-error", {"break": "error", "after": 1, "code": "server_error"}, None),
        ("says-failed", {"break": "failed", "after": 1, "code": "server_error"}, None),
    ],
)
def test_tried_again(engine: Installation, name: str, fault: Json, status: int | None) -> None:
    turn = {"text": f"whole answer of {name}", "faults": [fault]}
    engine.double.says(script(f"again-{name}", turn))
    run = engine.launch([agent("talker")], f"again-{name}")
    run = engine.wait(run, "succeeded", "failed")
    retried = engine.events(run, "model.retry")
    finished = engine.events(run, "model.finished")
    assert run.final_output == f"whole answer of {name}"
    assert [event.payload["status_code"] for event in retried] == [status]
    assert [event.payload["tries"] for event in finished] == [2]
    assert finished[0].attempt > retried[0].attempt
    assert len(engine.double.requests(f"again-{name}")) == 2


def test_retry_after_is_honoured(engine: Installation) -> None:
    turn = {"text": "at last", "faults": [RATE_LIMITED, RATE_LIMITED]}
    engine.double.says(script("rate-limited", turn))
    run = engine.wait(engine.launch([agent("talker")], "rate-limited"), "succeeded", "failed")
    at = [request["at"] for request in engine.double.requests("rate-limited")]
    waits = [event.payload["wait_s"] for event in engine.events(run, "model.retry")]
    assert run.status == "succeeded"
    assert len(at) == 3
    assert all(wait >= 0.4 for wait in waits)
    assert all(later - earlier >= 0.4 for earlier, later in itertools.pairwise(at))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_fails_the_run_with_its_message(engine: Installation, status: int) -> None:
    message = f"no, because of {KEY} and status {status}"
    turn = {"text": "no", "faults": [{"status": status, "message": message, "code": "bad"}]}
    engine.double.says(script(f"refused-{status}", turn))
    run = engine.launch([agent("talker")], f"refused-{status}")
    run = engine.wait(run, "succeeded", "failed")
    assert run.error is not None
    assert "no, because of ***" in run.error["message"]
    assert str(status) in run.error["message"]
    assert run.error["what"] == "model test-model of agent talker"
    assert run.error["step"] == "0.1"
    assert KEY not in str(run.error) + str([e.payload for e in engine.events(run)])
    assert len(engine.double.requests(f"refused-{status}")) == 1


def test_a_failed_run_goes_on_where_it_failed(engine: Installation) -> None:
    first = {"calls": [call("fetch", tag="a", seconds=0), call("charge", tag="b", seconds=0)]}
    second = {"text": "after {outputs}", "faults": [{"status": 400, "message": "not now"}]}
    engine.double.says(script("retried", first, second))
    run = engine.launch([agent("worker", tools=["fetch", "charge"])], "retried")
    run = engine.wait(run, "failed")
    retry(run.run_id, by="test")
    run = engine.wait(run, "succeeded")
    conversation = engine.double.requests("retried")[0]["conversation"]
    assert [r["turn"] for r in engine.double.requests("retried")] == [0, 1, 1]
    assert len(engine.calls("fetch", "start", conversation)) == 1
    assert len(engine.calls("charge", "start", conversation)) == 1
    assert run.error is None
    assert [e.payload["by"] for e in engine.events(run, "run.retried")] == ["test"]


def test_a_retry_at_once_is_not_lost(engine: Installation) -> None:
    """The race between the failed execution's last steps and the retry, many times."""
    faults = [{"status": 400, "message": "not yet"}] * 8
    engine.double.says(script("hasty", {"text": "finally", "faults": faults}))
    run = engine.launch([agent("hasty")], "hasty")
    for _ in faults:
        engine.wait(run, "failed")
        retry(run.run_id, by="test")
    run = engine.wait(run, "succeeded")
    assert run.final_output == "finally"
    assert len(engine.double.requests("hasty")) == len(faults) + 1


def test_a_nested_agents_model_fails_the_run(engine: Installation) -> None:
    fault = {"status": 400, "message": "the inner one refuses"}
    engine.double.says(
        script("outer-fails", {"calls": [call("ask_inner", input="inner-fails")]}, {"text": "ok"}),
        script("inner-fails", {"text": "inner text", "faults": [fault]}),
    )
    agents = [agent("outer", agent_tools=["inner"]), agent("inner")]
    run = engine.wait(engine.launch(agents, "outer-fails"), "failed", "succeeded")
    assert run.error is not None
    assert "the inner one refuses" in run.error["message"]
    assert run.error["what"] == "model test-model of agent inner"
    retry(run.run_id, by="test")
    run = engine.wait(run, "succeeded")
    assert len(engine.double.requests("outer-fails")) == 2
    assert len(engine.double.requests("inner-fails")) == 2


def test_an_unknown_tool_is_told_to_the_model(engine: Installation) -> None:
    engine.double.says(script("no-such", {"calls": [call("no_such_tool")]}, {"text": "{outputs}"}))
    run = engine.wait(engine.launch([agent("talker", tools=["fetch"])], "no-such"), "succeeded")
    assert "no_such_tool" in str(run.final_output)
    assert len(engine.double.requests("no-such")) == 2
    (row,) = [row for row in rows(run.run_id, upto=run.last_seq) if row.kind == "tool"]
    assert (row.title, row.state, row.agent) == ("no_such_tool", "failed", "talker")
    assert row.output == "Tool 'no_such_tool' not found."


def test_an_unknown_tool_of_a_nested_agent_has_a_row_under_its_call(engine: Installation) -> None:
    engine.double.says(
        script("outer-asks", {"calls": [call("ask_inner", input="inner-errs")]}, {"text": "ok"}),
        script("inner-errs", {"calls": [call("transfer_to_nobody")]}, {"text": "told"}),
    )
    agents = [agent("outer", agent_tools=["inner"]), agent("inner")]
    run = engine.wait(engine.launch(agents, "outer-asks"), "succeeded", "failed")
    found = [(row.title, row.depth) for row in rows(run.run_id, upto=run.last_seq)]
    assert ("ask_inner", 0) in found
    assert found[found.index(("ask_inner", 0)) + 2] == ("transfer_to_nobody", 1)


def test_malformed_arguments_are_told_to_the_model(engine: Installation) -> None:
    bad = {"name": "fetch", "arguments": '{"tag": "a", "seconds":'}
    wrong = {"name": "fetch", "arguments": '{"tag": "a"}'}
    engine.double.says(script("malformed", {"calls": [bad, wrong]}, {"text": "{outputs}"}))
    run = engine.launch([agent("fetcher", tools=["fetch"])], "malformed")
    run = engine.wait(run, "succeeded", "failed", "awaiting_approval")
    assert run.status == "succeeded", run.error
    assert str(run.final_output).count("Invalid JSON input for tool fetch") == 2
    assert [event.payload["ok"] for event in engine.events(run, "tool.finished")] == [False, False]
    assert engine.events(run, "approval.requested") == []
    conversation = engine.double.requests("malformed")[0]["conversation"]
    assert engine.calls("fetch", "start", conversation) == []


def test_malformed_arguments_inside_a_nested_agent(engine: Installation) -> None:
    bad = {"name": "fetch", "arguments": '{"tag": '}
    good = call("fetch", tag="g", seconds=0)
    outputs = {"text": "{outputs}"}
    engine.double.says(
        script("outer-bad", {"calls": [call("ask_inner", input="inner-bad")]}, outputs),
        script("inner-bad", {"calls": [bad, good]}, outputs),
    )
    agents = [agent("outer", agent_tools=["inner"]), agent("inner", tools=["fetch"])]
    run = engine.wait(
        engine.launch(agents, "outer-bad"), "succeeded", "failed", "awaiting_approval"
    )
    assert run.status == "succeeded", engine.described(run)
    assert "Invalid JSON input for tool fetch" in str(run.final_output)
    assert len(engine.double.requests("inner-bad")) == 2


def test_malformed_arguments_beside_a_call_that_waits(engine: Installation) -> None:
    bad = {"name": "fetch", "arguments": '{"tag": '}
    good = call("pay", tag="g", seconds=0)
    engine.double.says(script("mixed-bad", {"calls": [bad, good]}, {"text": "{outputs}"}))
    run = engine.launch([agent("payer", tools=["fetch", "pay"])], "mixed-bad")
    run = engine.wait(run, "awaiting_approval", "failed", "succeeded")
    [asked] = engine.asked(run)
    assert asked.tool == "pay"
    resume(run.run_id, run.revision, [{"call_id": asked.call_id, "approve": True, "reason": ""}])
    run = engine.wait(run, "succeeded", "failed", "awaiting_approval")
    assert run.status == "succeeded", engine.described(run)
    assert "Invalid JSON input for tool fetch" in str(run.final_output)
    assert expected("pay", "g", asked.call_id) in str(run.final_output)


def test_an_answer_that_breaks_the_output_type_can_be_retried(engine: Installation) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    engine.double.says(script("typed", {"text": '{"n": "one"}'}))
    run = engine.launch([agent("typed", output_type=schema)], "typed")
    run = engine.wait(run, "failed")
    assert run.error is not None
    assert "$.n" in run.error["message"]
    engine.double.first(script("typed", {"text": '{"n": 1}'}))
    retry(run.run_id, by="test")
    run = engine.wait(run, "succeeded", "failed")
    assert run.final_output == {"n": 1}


def test_too_many_turns_fail_the_run(engine: Installation) -> None:
    turns: list[Json] = [{"calls": [call("fetch", tag=str(i), seconds=0)]} for i in range(4)]
    engine.double.says(script("endless", *turns))
    run = engine.launch([agent("endless", tools=["fetch"])], "endless", max_turns=3)
    run = engine.wait(run, "failed")
    assert run.error is not None
    assert run.error["type"] == "MaxTurnsExceeded"
    assert len(engine.double.requests("endless")) == 3


@pytest.mark.parametrize("model", ["anthropic/claude", "litellm/x", "foo/x", "meta-llama/L"])
def test_a_model_that_nobody_serves_is_refused_at_launch(engine: Installation, model: str) -> None:
    with pytest.raises(InvalidInput, match=r"elsewhere: no provider.*openai/….*ollama/….*demo/…"):
        engine.launch([agent("elsewhere", model=model)], "other-provider")


def test_an_item_of_an_unknown_kind_is_kept_and_shown(engine: Installation) -> None:
    odd = {"type": "mystery", "id": "m1", "payload": {"a": [1, {"b": "c"}]}}
    fetch = call("fetch", tag="a", seconds=0)
    first, last = {"items": [odd], "calls": [fetch]}, {"items": [odd], "text": "answered"}
    engine.double.says(script("odd-item", first, last))
    run = engine.launch([agent("talker", tools=["fetch"])], "odd-item")
    run = engine.wait(run, "succeeded", "failed")
    assert (run.status, run.final_output) == ("succeeded", "answered"), run.error
    for event in engine.events(run, "model.finished"):
        [shown] = event.payload["hosted_calls"]
        assert (shown["type"], shown["name"]) == ("mystery", "unknown item mystery")
        assert '{"a": [1, {"b": "c"}]}' in shown["details"]
    sent = engine.double.requests("odd-item", bodies=True)[1]["body"]["input"]
    assert [one["payload"] for one in sent if one.get("type") == "mystery"] == [odd["payload"]]
