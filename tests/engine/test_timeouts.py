"""Timeouts: they count executing time only, and a timed out run can go on."""

from __future__ import annotations

import time

import pytest

from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation, agent, until
from tests.campaign.tools import expected
from timestep.models import Queue
from timestep.services.resume import resume
from timestep.services.retry import retry

# What is tested here does not depend on the database.
pytestmark = pytest.mark.sqlite_only
WITHIN_S = 1.0


def test_a_model_call_is_stopped(engine: Installation) -> None:
    engine.double.says(script("slow-model", {"tokens": 500, "token_delay": 0.05}))
    run = engine.launch([agent("talker")], "slow-model", timeout_seconds=2.5)
    started = engine.event(run, "segment.started").at.timestamp()
    run = engine.wait(run, "timed_out", within=8)
    request = until(lambda: engine.double.ended("slow-model"), 5, "the request ends")[0]
    assert request["outcome"] == "client_gone"
    assert 2.4 < request["ended_at"] - started < 2.5 + WITHIN_S
    assert run.error is not None
    assert run.error["type"] == "RunTimedOut"
    assert "2.5 s" in run.error["message"]


def test_a_tool_is_stopped_and_a_retry_finishes_it(engine: Installation) -> None:
    calls = [call("fetch", tag="quick", seconds=0), call("fetch", tag="slow", seconds=1.6)]
    engine.double.says(script("slow-tool", {"calls": calls}, {"text": "{outputs}"}))
    agents = [agent("fetcher", tools=["fetch"])]
    run = engine.launch(agents, "slow-tool", timeout_seconds=1.2)
    run = engine.wait(run, "timed_out", within=6)
    # What was finished is not done again, so the second time is enough for the rest.
    retry(run.run_id, by="test")
    run = engine.wait(run, "timed_out", "succeeded", within=6)
    starts = engine.calls("fetch", "start", engine.double.requests("slow-tool")[0]["conversation"])
    assert sorted(entry.call_id[-1] for entry in starts) == ["0", "1", "1"]
    assert len(engine.double.requests("slow-tool")) == 1


def test_a_retry_after_the_timeout_goes_on(engine: Installation) -> None:
    turns: list[Json] = [
        {"calls": [call("fetch", tag="a", seconds=0.3)]},
        {"text": "{outputs}", "delay": 4.0},
    ]
    engine.double.says(script("retry-timeout", *turns))
    run = engine.launch([agent("fetcher", tools=["fetch"])], "retry-timeout", timeout_seconds=3.0)
    engine.wait(run, "timed_out", within=8)
    requests = engine.double.requests("retry-timeout")
    type(run).objects.filter(run_id=run.run_id).update(timeout_seconds=20)
    retry(run.run_id, by="test")
    run = engine.wait(run, "succeeded", within=10)
    call_id = f"call_{requests[0]['conversation']}_0_0"
    assert run.final_output == expected("fetch", "a", call_id)
    assert len(engine.calls("fetch", "start", call_id)) == 1
    assert [r["turn"] for r in engine.double.requests("retry-timeout")] == [0, 1, 1]


def test_time_in_the_queue_does_not_count(engine: Installation) -> None:
    Queue.objects.update_or_create(name="later", defaults={"concurrency": 0})
    engine.double.says(script("queued-long", {"text": "in time", "delay": 0.5}))
    run = engine.launch([agent("talker")], "queued-long", timeout_seconds=1.5, queue="later")
    time.sleep(2.0)
    Queue.objects.filter(name="later").update(concurrency=None)
    run = engine.wait(run, "succeeded", "timed_out", within=8)
    assert run.status == "succeeded"
    assert 400 < run.executing_ms < 1500


def test_time_in_which_people_think_does_not_count(engine: Installation) -> None:
    turns: list[Json] = [{"calls": [call("pay", tag="a", seconds=0.3)]}, {"text": "paid"}]
    engine.double.says(script("thought-long", *turns))
    run = engine.launch([agent("payer", tools=["pay"])], "thought-long", timeout_seconds=2.5)
    run = engine.wait(run, "awaiting_approval")
    time.sleep(2.5)
    waiting = engine.asked(run)[0]
    resume(run.run_id, run.revision, [{"call_id": waiting.call_id, "approve": True, "reason": ""}])
    run = engine.wait(run, "succeeded", "timed_out", within=8)
    assert run.status == "succeeded"
    assert run.executing_ms < 2500


def test_executing_time_adds_up_over_segments(engine: Installation) -> None:
    turns: list[Json] = [{"calls": [call("pay", tag="a", seconds=30)]}, {"text": "paid"}]
    engine.double.says(script("segments-long", {**turns[0], "delay": 1.0}, turns[1]))
    run = engine.launch([agent("payer", tools=["pay"])], "segments-long", timeout_seconds=2.0)
    run = engine.wait(run, "awaiting_approval")
    spent = run.executing_ms / 1000
    waiting = engine.asked(run)[0]
    resume(run.run_id, run.revision, [{"call_id": waiting.call_id, "approve": True, "reason": ""}])
    resumed = engine.event(run, "segment.started", count=2).at
    run = engine.wait(run, "timed_out", within=8)
    assert run.finished_at is not None
    assert abs((run.finished_at - resumed).total_seconds() - (2.0 - spent)) < WITHIN_S
