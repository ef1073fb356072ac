"""Cancelling, with real workers: what is in flight stops within a second."""

from __future__ import annotations

import time

from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation, agent, until
from timestep.models import Queue, Run, SegmentState
from timestep.services.cancel import cancel

WITHIN_S = 1.0


def cancelled(engine: Installation, run: Run) -> tuple[Run, float]:
    """Cancel a run; how it stands then, and how long that took."""
    asked = time.time()
    cancel(run.run_id, by="test")
    run = engine.wait(run, "cancelled", within=5)
    return run, time.time() - asked


def test_a_model_call_stops(engine: Installation) -> None:
    turn = {"tokens": 500, "token_delay": 0.05}
    engine.double.says(script("talk-long", turn))
    run = engine.launch([agent("talker")], "talk-long")
    engine.event(run, "model.delta")
    asked = time.time()
    run, _ = cancelled(engine, run)
    request = until(lambda: engine.double.ended("talk-long"), 5, "the request ends")[0]
    assert request["outcome"] == "client_gone"
    assert request["ended_at"] - asked < WITHIN_S
    assert (run.final_output, run.error, run.owner) == (None, None, None)


def test_a_model_that_has_not_begun_stops(engine: Installation) -> None:
    engine.double.says(script("think-long", {"text": "no", "delay": 60}))
    run = engine.launch([agent("thinker")], "think-long")
    engine.event(run, "model.started")
    until(lambda: engine.double.requests("think-long"), 5, "the request arrives")
    asked = time.time()
    cancelled(engine, run)
    request = until(lambda: engine.double.ended("think-long"), 5, "the request ends")[0]
    assert request["ended_at"] - asked < WITHIN_S


def test_a_tool_stops(engine: Installation) -> None:
    engine.double.says(script("tool-long", {"calls": [call("fetch", tag="a", seconds=60)]}))
    run = engine.launch([agent("fetcher", tools=["fetch"])], "tool-long")
    call_id = engine.event(run, "tool.started").payload["call_id"]
    engine.started("fetch", call_id)
    asked = time.time()
    cancelled(engine, run)
    stopped = until(lambda: engine.calls("fetch", "stopped", call_id), 5, "the tool stops")[0]
    assert stopped.at - asked < WITHIN_S
    assert len(engine.double.requests("tool-long")) == 1


def test_a_nested_agents_tool_stops(engine: Installation) -> None:
    inner = {"calls": [call("fetch", tag="inner", seconds=60)]}
    engine.double.says(
        script("outer-long", {"calls": [call("ask_inner", input="nested-long")]}),
        script("nested-long", inner),
    )
    agents = [agent("outer", agent_tools=["inner"]), agent("inner", tools=["fetch"])]
    run = engine.launch(agents, "outer-long")
    engine.event(run, "tool.started", count=2)
    told = [event.payload for event in engine.events(run, "tool.started")]
    [call_id] = [payload["call_id"] for payload in told if payload["tool"] == "fetch"]
    engine.started("fetch", call_id)
    _, took = cancelled(engine, run)
    assert took < WITHIN_S
    assert until(lambda: engine.calls("fetch", "stopped", call_id), 1, "the tool stops")


def test_a_tool_that_refuses_to_stop_is_left_behind(engine: Installation) -> None:
    turns: list[Json] = [{"calls": [call("hold_on", tag="a", seconds=2.0)]}, {"text": "went on"}]
    engine.double.says(script("stubborn", *turns))
    run = engine.launch([agent("holder", tools=["hold_on"])], "stubborn")
    call_id = engine.event(run, "tool.started").payload["call_id"]
    engine.started("hold_on", call_id)
    _, took = cancelled(engine, run)
    assert took < WITHIN_S
    until(lambda: engine.calls("hold_on", "end", call_id), 5, "the tool ends")
    time.sleep(0.5)
    assert len(engine.double.requests("stubborn")) == 1
    assert engine.run(run.run_id).status == "cancelled"


def test_a_blocking_tool_is_left_behind(engine: Installation) -> None:
    turns: list[Json] = [
        {"calls": [call("fetch_blocking", tag="a", seconds=2.5)]},
        {"text": "went on"},
    ]
    engine.double.says(script("blocking", *turns))
    run = engine.launch([agent("blocker", tools=["fetch_blocking"])], "blocking")
    call_id = engine.event(run, "tool.started").payload["call_id"]
    engine.started("fetch_blocking", call_id)
    _, took = cancelled(engine, run)
    assert took < WITHIN_S
    assert len(engine.double.requests("blocking")) == 1


def test_waiting_to_try_again_stops(engine: Installation) -> None:
    fault = {"status": 429, "headers": {"retry-after": "60"}, "message": "slow down"}
    engine.double.says(script("wait-429", {"text": "no", "faults": [fault]}))
    run = engine.launch([agent("waiter")], "wait-429")
    engine.event(run, "model.retry")
    _, took = cancelled(engine, run)
    assert took < WITHIN_S


def test_a_queued_run_never_starts(engine: Installation) -> None:
    Queue.objects.update_or_create(name="held", defaults={"concurrency": 0})
    run = engine.launch([agent("queued")], "queued-cancel", queue="held")
    _, took = cancelled(engine, run)
    Queue.objects.filter(name="held").update(concurrency=None)
    time.sleep(1.5)
    segment = run.segments.get()
    assert took < WITHIN_S
    assert (segment.state, segment.started_at) == (SegmentState.ENDED, None)
    assert engine.double.requests("queued-cancel") == []


def test_a_run_that_awaits_approval_asks_no_more(engine: Installation) -> None:
    engine.double.says(script("asks-cancel", {"calls": [call("pay", tag="a", seconds=0)]}))
    run = engine.launch([agent("payer", tools=["pay"])], "asks-cancel")
    engine.wait(run, "awaiting_approval")
    assert len(engine.asked(run)) == 1
    cancelled(engine, run)
    assert engine.asked(run) == []
    assert engine.events(run, "tool.started") == []


def test_the_events_end_with_who_cancelled(engine: Installation) -> None:
    turn = {"tokens": 500, "token_delay": 0.05}
    engine.double.says(script("events-cancel", turn))
    run = engine.launch([agent("talker")], "events-cancel")
    engine.event(run, "model.delta")
    cancelled(engine, run)
    last = {event.kind: event.payload for event in engine.events(run)[-2:]}
    assert last["status"] == {"status": "cancelled", "by": "test"}
    assert last["run.finished"]["status"] == "cancelled"
