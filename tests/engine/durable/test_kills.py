"""One death of a worker in the middle of each kind of step, and what each run comes to."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, RunConfig

from approvals.services.decisions import resolve_unknown
from tests.campaign import code, mcp
from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation
from timestep.models import Run

Runs = dict[str, Run]
SAYS: Json = {"text": "answer to {input}"}
OUTPUTS: Json = {"text": "{outputs}"}
CONFIG = RunConfig(input_guardrails=[code.of_run])
GUARDRAILS = ("racing", "first", "of_run", "last")


def guarded() -> Agent[Any]:
    """An agent with guardrails at both ends."""
    return Agent(
        name="guarded",
        model="test-model",
        input_guardrails=[code.racing, code.first],
        output_guardrails=[code.last],
    )


def launch_all(engine: Installation) -> Runs:
    """Runs that each wait in the middle of a step of its kind."""
    made: Runs = {}
    for name in GUARDRAILS:
        text = f"durable-kill linger-{name}"
        engine.double.says(script(text, SAYS))
        made[name] = engine.launch_code(guarded(), text, run_config=CONFIG)
    trip = "durable-kill trip-first"
    engine.double.says(script(trip, SAYS))
    made["trip"] = engine.launch_code(guarded(), trip)
    for tool in ("look", "change"):
        text = f"durable-kill {tool}"
        calls = {
            "calls": [call(tool, tag=text, seconds=4), call("look", tag=f"{text}2", seconds=0)]
        }
        engine.double.says(script(text, calls, OUTPUTS))
        made[tool] = engine.launch_code(mcp.user("user", mcp.stdio(engine)), text)
    return made


@pytest.fixture(scope="module")
def runs(_looked_at: Installation) -> Runs:
    """The runs, after the worker was killed over them and the next one was started."""
    engine = _looked_at
    engine.ready()
    made = launch_all(engine)
    for name in GUARDRAILS:
        engine.started(name, f"linger-{name}")
    for tool in ("look", "change"):
        engine.started(tool, f"durable-kill {tool}")
        engine.event(made[tool], "tool.finished")
    engine.kill()
    engine.ready()
    return made


@pytest.mark.parametrize("name", GUARDRAILS)
def test_a_guardrail_in_flight_looks_again(engine: Installation, runs: Runs, name: str) -> None:
    run = engine.wait(runs[name], "succeeded", "failed")
    assert run.final_output == f"answer to durable-kill linger-{name}", engine.described(run)
    counts = {one: len(engine.calls(one, "start", f"linger-{name}")) for one in GUARDRAILS}
    # The others had ended, unless they run at the same time as this one.
    assert counts.pop(name) == 2
    assert set(counts.values()) == {1}
    assert len(engine.double.requests(f"linger-{name}")) <= 2
    events = [event.payload["guardrail"] for event in engine.events(run, "guardrail.finished")]
    assert sorted(events) == ["first", "last", "of the run", "racing"]


def test_a_tripwire_before_the_model_ends_the_run(engine: Installation, runs: Runs) -> None:
    run = engine.wait(runs["trip"], "failed", "succeeded")
    assert run.error is not None
    assert run.error["what"] == "guardrail first"
    assert not engine.double.requests("trip-first")


def test_a_call_of_a_server_that_may_be_repeated_is(engine: Installation, runs: Runs) -> None:
    run = engine.wait(runs["look"], "succeeded", "failed", "awaiting_approval")
    assert run.status == "succeeded", engine.described(run)
    assert len([e for e in engine.calls("look", "start") if e.call_id == "durable-kill look"]) == 2
    assert len(engine.calls("look", "start", "durable-kill look2")) == 1


def test_a_call_of_a_server_that_must_not_be_repeated_is_asked_about(
    engine: Installation, runs: Runs
) -> None:
    run = engine.wait(runs["change"], "succeeded", "failed", "awaiting_approval")
    [asked] = engine.asked(run, "outcome_unknown")
    assert asked.tool == "change"
    resolve_unknown(asked.approval_id, outcome="happened", by=engine.person(), result="I saw it")
    run = engine.wait(run, "succeeded", "failed")
    assert run.status == "succeeded", engine.described(run)
    assert "I saw it" in str(run.final_output)
    assert len(engine.calls("change", "start", "durable-kill change")) == 1
