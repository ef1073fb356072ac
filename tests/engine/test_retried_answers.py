"""Retries of runs that the model's own recorded answer ended: it is asked for another."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from agents import Agent, handoff

from tests.campaign import code, tools
from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation, agent
from tests.engine.durable.test_guardrails import error_of
from timestep.errors import InvalidInput, RetryHindered
from timestep.models import Run, Segment
from timestep.services.resume import resume
from timestep.services.retry import retry

NUMBER = itertools.count()
FETCHES: Json = {"calls": [call("fetch", tag="a", seconds=0)]}
FINE: Json = {"text": '{"n": 1}'}


def _item(kind: str, **more: Any) -> Json:
    return {"items": [{"type": kind, "id": "i1", "call_id": "i1", "status": "completed"} | more]}


def _same(tag: str, call_id: str) -> Json:
    return call("fetch", tag=tag, seconds=0) | {"call_id": call_id}


REFUSAL = {"role": "assistant", "content": [{"type": "refusal", "refusal": "I will not"}]}
BAD_ANSWERS: dict[str, Json] = {
    "the id of a call that was made": {"calls": [_same("b", "again")]},
    "one id for two calls": {"calls": [_same("b", "twice"), _same("c", "twice")]},
    "no id at all": {"calls": [_same("b", "")]},
    "a shell that it has not": _item("shell_call", action={"commands": ["ls"]}),
    "a computer that it has not": _item(
        "computer_call", action={"type": "screenshot"}, pending_safety_checks=[]
    ),
    "a patch that it may not": _item(
        "apply_patch_call", operation={"type": "delete_file", "path": "x"}
    ),
    "a custom tool that it has not": _item("custom_tool_call", name="zip", input="x"),
    "a server that it has not": _item(
        "mcp_approval_request", name="zip", arguments="{}", server_label="nope"
    ),
    "a refusal": _item("message", **REFUSAL),
}


def _launched(engine: Installation, *turns: Json, **options: Any) -> Run:
    text = f"answers-{next(NUMBER)}-{engine.stack.home.name}"
    engine.double.says(script(text, *turns))
    return engine.launch([agent("fetcher", tools=["fetch", "charge", "pay"])], text, **options)


def _text(run: Run) -> str:
    return str(run.input)


def _other(engine: Installation, run: Run, *turns: Json) -> None:
    engine.double.first(script(_text(run), *turns))


def _made(engine: Installation, run: Run, tool: str = "fetch") -> int:
    """How often calls of a tool began; a call that is replayed does not."""
    started = [event.payload["tool"] for event in engine.events(run, "tool.started")]
    return started.count(tool)


@pytest.mark.parametrize("bad", BAD_ANSWERS)
def test_the_model_is_asked_again(engine: Installation, bad: str) -> None:
    first: Json = {"calls": [_same("a", "again")]}
    run = engine.wait(_launched(engine, first, BAD_ANSWERS[bad]), "failed", "succeeded")
    assert (run.status, len(engine.double.requests(_text(run)))) == ("failed", 2)
    for asked in (3, 4):
        retry(run.run_id, by="test")
        run = engine.wait(run, "failed", "succeeded")
        seen = (run.status, len(engine.double.requests(_text(run))))
        assert seen == ("failed", asked), engine.described(run)
    _other(engine, run, first, FETCHES, FINE)
    retry(run.run_id, by="test")
    run = engine.wait(run, "failed", "succeeded")
    assert (run.status, run.final_output) == ("succeeded", '{"n": 1}')
    assert len(engine.double.requests(_text(run))) == 6
    assert _made(engine, run) == 2


def test_too_many_turns_go_on_with_more(engine: Installation) -> None:
    turns = [{"calls": [call("fetch", tag=str(n), seconds=0)]} for n in range(5)]
    run = engine.wait(_launched(engine, *turns, FINE, max_turns=2), "failed", "succeeded")
    assert error_of(run)["type"] == "MaxTurnsExceeded", engine.described(run)
    for wrong in (None, 2, 0, 2**40):
        with pytest.raises(InvalidInput, match="max_turns"):
            retry(run.run_id, by="test", max_turns=wrong)
    for more, asked in ((3, 3), (4, 4), (20, 6)):
        retry(run.run_id, by="test", max_turns=more)
        run = engine.wait(run, "failed", "succeeded")
        assert (run.max_turns, len(engine.double.requests(_text(run)))) == (more, asked)
    assert (run.status, _made(engine, run)) == ("succeeded", 5)


def test_too_many_turns_after_an_approval(engine: Installation) -> None:
    pays: Json = {"calls": [call("pay", tag="p", seconds=0)]}
    run = engine.wait(_launched(engine, pays, FETCHES, FINE, max_turns=2), "awaiting_approval")
    [asked] = engine.asked(run)
    resume(run.run_id, run.revision, [{"call_id": asked.call_id, "approve": True, "reason": ""}])
    run = engine.wait(run, "failed", "succeeded")
    assert error_of(run)["type"] == "MaxTurnsExceeded"
    retry(run.run_id, by="test", max_turns=3)
    run = engine.wait(run, "failed", "succeeded")
    assert (run.status, _made(engine, run, "pay"), _made(engine, run)) == ("succeeded", 1, 1)


def test_a_bad_answer_after_an_approval(engine: Installation) -> None:
    pays: Json = {"calls": [call("pay", tag="p", seconds=0) | {"call_id": "once"}]}
    run = engine.wait(_launched(engine, pays, {"calls": [_same("x", "once")]}), "awaiting_approval")
    decision = {"call_id": "once", "approve": True, "reason": ""}
    resume(run.run_id, run.revision, [decision])
    run = engine.wait(run, "failed", "succeeded")
    _other(engine, run, pays, FINE)
    retry(run.run_id, by="test")
    run = engine.wait(run, "failed", "succeeded")
    assert (run.status, _made(engine, run, "pay")) == ("succeeded", 1)
    assert len(engine.double.requests(_text(run))) == 3


def test_a_run_that_failed_under_an_earlier_release(engine: Installation) -> None:
    bad = {"calls": [_same("b", "twice"), _same("c", "twice")]}
    run = engine.wait(_launched(engine, FETCHES, bad), "failed", "succeeded")
    Segment.objects.filter(run=run).update(failed_answer=None)
    _other(engine, run, FETCHES, FINE)
    retry(run.run_id, by="test")
    run = engine.wait(run, "failed", "succeeded")
    assert (run.status, _made(engine, run)) == ("succeeded", 1)


@pytest.mark.sqlite_only
def test_a_handoff_of_another_shape_makes_no_call_beside_it(engine: Installation) -> None:
    text = f"misfit-{engine.stack.home.name}"
    target = Agent[Any](name="target", model="test-model")
    over = handoff(target, on_handoff=code.noted_topic, input_type=code.Topic)
    start = Agent[Any](name="starter", model="test-model", tools=[tools.fetch], handoffs=[over])
    bad = {"name": "transfer_to_target", "arguments": '{"other": 1}'}
    engine.double.says(script(text, {"calls": [*FETCHES["calls"], bad]}))
    run = engine.wait(engine.launch_code(start, text), "failed", "succeeded")
    assert error_of(run)["type"] == "ModelBehaviorError"
    assert _made(engine, run) == 0
    good = call("transfer_to_target", topic="cups")
    _other(engine, run, {"calls": [*FETCHES["calls"], good]}, FINE)
    retry(run.run_id, by="test")
    run = engine.wait(run, "failed", "succeeded")
    assert (run.status, _made(engine, run)) == ("succeeded", 1)


@pytest.mark.sqlite_only
def test_inside_an_agent_used_as_a_tool(engine: Installation) -> None:
    text = f"nested-answer-{engine.stack.home.name}"
    bad = {"calls": [_same("b", "twice"), _same("c", "twice")]}
    inner = Agent[Any](name="inner", model="test-model", tools=[tools.fetch])
    asks = inner.as_tool("ask_inner", "Ask.", failure_error_function=None)
    outer = Agent[Any](name="outer", model="test-model", tools=[tools.charge, asks])
    charged = call("charge", tag="o", seconds=0)
    both = {"calls": [charged, call("ask_inner", input=f"in-{text}")]}
    engine.double.says(script(f"in-{text}", FETCHES, bad), script(text, both, FINE))
    run = engine.wait(engine.launch_code(outer, text), "failed", "succeeded")
    assert run.status == "failed"
    engine.double.first(script(f"in-{text}", FETCHES, {"text": "inner fine"}))
    retry(run.run_id, by="test")
    run = engine.wait(run, "failed", "succeeded")
    assert run.status == "succeeded", engine.described(run)
    assert (_made(engine, run, "charge"), _made(engine, run)) == (1, 1)


@pytest.mark.sqlite_only
def test_an_input_that_a_guardrail_refused_is_not_retried(engine: Installation) -> None:
    text = f"trip-first {engine.stack.home.name}"
    engine.double.says(script(text, FINE))
    start = Agent[Any](name="guarded", model="test-model", input_guardrails=[code.first])
    run = engine.wait(engine.launch_code(start, text), "failed", "succeeded")
    with pytest.raises(RetryHindered, match="refused the input"):
        retry(run.run_id, by="test")
    assert engine.run(run.run_id).status == "failed"
