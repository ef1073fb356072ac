"""Workers that die in the middle, on purpose and at a known place."""

from __future__ import annotations

import signal
import time

import pytest

from approvals.services.decisions import decide, resolve_unknown
from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation, agent
from tests.campaign.tools import expected
from timestep.models import Run, Worker
from timestep.services.cancel import cancel
from timestep.services.retry import retry


def died_in_tool(engine: Installation, text: str, tool: str) -> tuple[Run, str]:
    """A run whose tool call killed the worker, and the call's id; a new worker is being started."""
    calls = [call("fetch", tag="sibling", seconds=0), call(tool, tag="a")]
    engine.double.says(script(text, {"calls": calls}, {"text": "{outputs}"}))
    run = engine.launch([agent("worker", tools=["fetch", tool])], text)
    assert engine.ended("worker") == -signal.SIGKILL
    engine.start_worker()
    return run, f"call_{engine.double.requests(text)[0]['conversation']}_0_1"


def test_an_idempotent_call_in_flight_is_made_again(engine: Installation) -> None:
    run, call_id = died_in_tool(engine, "dies-plain", "die_once")
    run = engine.wait(run, "succeeded", "failed", "awaiting_approval", within=60)
    sibling = expected("fetch", "sibling", call_id[:-1] + "0")
    assert run.final_output == f"{sibling} | {expected('die_once', 'a', call_id)}"
    assert len(engine.calls("die_once", "start", call_id)) == 2
    assert [r["turn"] for r in engine.double.requests("dies-plain")] == [0, 1]
    [lost] = engine.events(run, "worker.lost")
    assert lost.payload["resumed_on"] != lost.payload["worker"]
    assert run.takeovers == 1


@pytest.mark.parametrize("outcome", ["happened", "run_again", "fail"])
def test_a_call_that_must_not_be_repeated_is_asked_about(
    engine: Installation, outcome: str
) -> None:
    run, call_id = died_in_tool(engine, f"dies-charging-{outcome}", "die_charging")
    run = engine.wait(run, "succeeded", "failed", "awaiting_approval", within=60)
    assert run.status == "awaiting_approval", engine.described(run)
    [asked] = engine.asked(run, "outcome_unknown")
    assert (asked.call_id, asked.tool) == (call_id, "die_charging")
    assert len(engine.calls("die_charging", "start", call_id)) == 1
    result = "what a person saw" if outcome == "happened" else ""
    resolve_unknown(asked.approval_id, outcome=outcome, by=engine.person(), result=result)
    run = engine.wait(run, "failed" if outcome == "fail" else "succeeded")
    starts = engine.calls("die_charging", "start", call_id)
    assert len(starts) == (2 if outcome == "run_again" else 1)
    if outcome == "happened":
        assert str(run.final_output).endswith("| what a person saw")
    if outcome == "run_again":
        assert str(run.final_output).endswith(expected("die_charging", "a", call_id))


def test_a_failed_unknown_outcome_is_asked_about_again_after_a_retry(engine: Installation) -> None:
    run, call_id = died_in_tool(engine, "dies-asks-twice", "die_charging")
    run = engine.wait(run, "awaiting_approval", "failed", within=60)
    [asked] = engine.asked(run, "outcome_unknown")
    resolve_unknown(asked.approval_id, outcome="fail", by=engine.person())
    engine.wait(run, "failed")
    retry(run.run_id, by="test")
    run = engine.wait(run, "awaiting_approval", "succeeded")
    [again] = engine.asked(run, "outcome_unknown")
    assert again.approval_id != asked.approval_id
    resolve_unknown(again.approval_id, outcome="run_again", by=engine.person())
    run = engine.wait(run, "succeeded")
    assert len(engine.calls("die_charging", "start", call_id)) == 2


def test_approved_while_no_worker_lives(engine: Installation) -> None:
    turns: list[Json] = [{"calls": [call("pay", tag="a", seconds=0)]}, {"text": "{outputs}"}]
    engine.double.says(script("approved-alone", *turns))
    run = engine.launch([agent("payer", tools=["pay"])], "approved-alone")
    run = engine.wait(run, "awaiting_approval")
    [asked] = engine.asked(run)
    engine.kill()
    decide(asked.approval_id, approve=True, by=engine.person())
    engine.start_worker()
    run = engine.wait(run, "succeeded", "failed", within=60)
    assert run.final_output == expected("pay", "a", asked.call_id)
    assert len(engine.calls("pay", "start", asked.call_id)) == 1
    assert run.segments.count() == 2


def test_cancelled_while_no_worker_lives(engine: Installation) -> None:
    engine.double.says(script("cancel-alone", {"tokens": 500, "token_delay": 0.05}))
    run = engine.launch([agent("talker")], "cancel-alone")
    engine.event(run, "model.delta")
    engine.kill()
    assert cancel(run.run_id, by="test").status == "running"
    engine.start_worker()
    run = engine.wait(run, "cancelled", within=60)
    assert len(engine.double.requests("cancel-alone")) == 1


def test_killed_while_a_nested_agents_call_waits(engine: Installation) -> None:
    inner: list[Json] = [
        {"calls": [call("pay", tag="i", seconds=0), call("fetch", tag="i", seconds=0)]}
    ]
    engine.double.says(
        script(
            "nests-pay", {"calls": [call("ask_inner", input="pays-inside")]}, {"text": "{outputs}"}
        ),
        script("pays-inside", *inner, {"text": "inner: {outputs}"}),
    )
    agents = [agent("outer", agent_tools=["inner"]), agent("inner", tools=["pay", "fetch"])]
    run = engine.wait(engine.launch(agents, "nests-pay"), "awaiting_approval", "failed")
    [asked] = engine.asked(run)
    engine.kill()
    decide(asked.approval_id, approve=True, by=engine.person())
    engine.start_worker()
    run = engine.wait(run, "succeeded", "failed", "awaiting_approval", within=60)
    fetched = expected("fetch", "i", asked.call_id[:-1] + "1")
    paid = expected("pay", "i", asked.call_id)
    assert run.final_output == f"inner: {fetched} | {paid}", engine.described(run)
    assert len(engine.double.requests("pays-inside")) == 2
    assert len(engine.double.requests("nests-pay")) == 2
    assert len(engine.calls("fetch", "start", asked.call_id[:-1] + "1")) == 1


def test_a_stopping_worker_lets_its_runs_end(engine: Installation) -> None:
    turns: list[Json] = [{"calls": [call("charge", tag="a", seconds=1.5)]}, {"text": "{outputs}"}]
    engine.double.says(script("drains", *turns))
    run = engine.launch([agent("charger", tools=["charge"])], "drains")
    call_id = engine.event(run, "tool.started").payload["call_id"]
    engine.started("charge", call_id)
    assert engine.stack.kill("worker", signal.SIGTERM) == 0
    run = engine.run(run.run_id)
    assert (run.status, run.final_output) == ("succeeded", expected("charge", "a", call_id))


def test_what_a_stopping_worker_leaves_goes_on_at_once(engine: Installation) -> None:
    turns: list[Json] = [{"calls": [call("fetch", tag="a", seconds=13)]}, {"text": "{outputs}"}]
    engine.double.says(script("leaves", *turns))
    run = engine.launch([agent("fetcher", tools=["fetch"])], "leaves")
    call_id = engine.event(run, "tool.started").payload["call_id"]
    engine.started("fetch", call_id)
    assert engine.stack.kill("worker", signal.SIGTERM) == 0
    assert engine.run(run.run_id).status == "running"
    engine.ready()
    engine.event(run, "tool.started", count=2)
    assert Worker.objects.filter(stopped_at__isnull=False, swept_by__isnull=False).exists()
    cancel(run.run_id, by="test")
    engine.wait(run, "cancelled")


@pytest.mark.sqlite_only
def test_a_second_worker_on_sqlite_refuses(engine: Installation) -> None:
    refused = engine.stack.manage("worker", check=False)
    assert refused.returncode == 1
    lines = [line for line in refused.stderr.splitlines() if "SQLite" in line]
    assert len(lines) == 1
    assert "another worker executes on this SQLite file" in lines[0]
    assert "Traceback" not in refused.stderr
    time.sleep(0)
