"""Model limits with real workers: who waits, what the timeline says, and what frees a turn."""

from __future__ import annotations

import time

from tests.campaign.double import script
from tests.campaign.installation import Installation, agent, until
from timestep.models import ModelLimit, ModelTurn, Run, RunEvent
from timestep.services.cancel import cancel
from timestep.services.turns import Spent, settle

SEEN_S = 2.5


def launched(engine: Installation, text: str, model: str, count: int) -> list[Run]:
    """Runs of one model call each."""
    engine.double.says(script(text, {"text": "ok"}))
    agents = [agent("limited", model=model)]
    return [
        engine.launch(agents, f"{text} {n}", timeout_seconds=2.0, queue="model-limits")
        for n in range(count)
    ]


def waiting(engine: Installation, runs: list[Run], count: int) -> list[RunEvent]:
    """The events of those that wait, once the others have ended."""

    def look() -> list[RunEvent] | None:
        found = [event for run in runs for event in engine.events(run, "model.waiting")]
        done = [run for run in runs if engine.run(run.run_id).status == "succeeded"]
        return found if len(found) == count and len(done) == len(runs) - count else None

    return until(look, 20, f"{count} of {len(runs)} wait")


def test_calls_wait_their_turn_outside_of_executing_time(engine: Installation) -> None:
    limit = ModelLimit.objects.create(pattern="openai/by-requests", requests_per_minute=2)
    time.sleep(SEEN_S)
    runs = launched(engine, "by-requests", "by-requests", 4)
    told = waiting(engine, runs, 2)
    assert {(e.payload["limit"], e.payload["what"]) for e in told} == {(limit.pattern, "requests")}
    assert len(engine.double.requests("by-requests")) == 2
    first, second = (engine.run(event.run_id) for event in told)
    time.sleep(2.2)  # More than their executing time.
    cancel(first.run_id, by="test")
    engine.wait(first, "cancelled", within=2)
    ModelLimit.objects.filter(pk=limit.pk).update(requests_per_minute=3)
    ended = engine.wait(second, "succeeded", "timed_out", within=5)
    assert (ended.status, ended.executing_ms < 2000) == ("succeeded", True)
    [finished] = engine.events(second, "model.finished")
    assert finished.payload["waited_ms"] > 2000 > finished.payload["duration_ms"]


def test_tokens_are_settled_by_the_usage(engine: Installation) -> None:
    limit = ModelLimit.objects.create(pattern="openai/by-tok*", tokens_per_minute=100)
    time.sleep(SEEN_S)
    runs = launched(engine, "by-tokens", "openai/by-tokens", 1)
    engine.wait(runs[0], "succeeded")
    turn = ModelTurn.objects.get(limit=limit)
    until(lambda: ModelTurn.objects.filter(pk=turn.pk, settled_at__isnull=False), 5, "settled")
    turn.refresh_from_db()
    now = engine.run(runs[0].run_id)
    assert turn.tokens == now.input_tokens + now.output_tokens < turn.estimated
    settle(turn.call, 0.0, 0.0, Spent(99, 1))
    (told,) = waiting(engine, launched(engine, "by-tokens", "openai/by-tokens", 1), 1)
    assert told.payload["what"] == "tokens"
    limit.delete()
    engine.wait(engine.run(told.run_id), "succeeded", within=5)
