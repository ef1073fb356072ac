"""Queues, sessions and deduplication, with real workers: who starts, and when."""

from __future__ import annotations

import itertools
import time
from datetime import datetime

import pytest

from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation, agent
from timestep.errors import DuplicateRun
from timestep.models import Queue, Run, SessionItem
from timestep.services.cancel import cancel
from timestep.services.resume import resume
from timestep.services.retry import retry


def started(run: Run) -> datetime:
    """When the run's first segment began."""
    at = run.segments.get(n=0).started_at
    assert at is not None
    return at


def ended(run: Run) -> datetime:
    """When the run ended."""
    assert run.finished_at is not None
    return run.finished_at


def waits_between(runs: list[Run], apart: int) -> list[float]:
    """Seconds from each start to the one that many places later, by what rate windows count."""
    found = [run.segments.get(n=0).dispatched_at for run in runs]
    at = sorted(moment.timestamp() for moment in found if moment is not None)
    assert len(at) == len(runs)
    return [later - earlier for earlier, later in zip(at, at[apart:], strict=False)]


def all_ended(engine: Installation, runs: list[Run], within: float = 30.0) -> list[Run]:
    """The runs, once each has succeeded."""
    return [engine.wait(run, "succeeded", within=within) for run in runs]


def test_a_rate_window_is_exact(engine: Installation) -> None:
    Queue.objects.create(name="rated", limit=3, period_seconds=1.5)
    engine.double.says(script("rated-run", {"text": "ok"}))
    agents = [agent("quick")]
    runs = [engine.launch(agents, f"rated-run {i}", queue="rated") for i in range(8)]
    all_ended(engine, runs)
    assert all(wait >= 1.5 for wait in waits_between(runs, 3))
    # And no longer than it takes to notice: the seventh starts in the third window.
    assert max(waits_between(runs, 6)) < 3.0 + 1.5


def test_a_retry_spends_no_start(engine: Installation) -> None:
    Queue.objects.create(name="one-start", limit=1, period_seconds=60.0)
    fault = {"status": 400, "message": "no"}
    engine.double.says(script("spends-none", {"text": "ok", "faults": [fault, fault]}))
    run = engine.launch([agent("failing")], "spends-none", queue="one-start")
    for _ in range(2):
        engine.wait(run, "failed")
        retry(run.run_id, by="test")
    engine.wait(run, "succeeded", within=10)
    waiting = engine.launch([agent("failing")], "spends-none again", queue="one-start")
    time.sleep(0.8)
    assert engine.run(waiting.run_id).status == "queued"
    cancel(waiting.run_id, by="test")


def test_priorities(engine: Installation) -> None:
    Queue.objects.create(name="ordered", concurrency=0)
    engine.double.says(script("ordered-run", {"text": "ok"}))
    agents = [agent("quick")]
    order = [None, 5, 1, None, 2]
    runs = [
        engine.launch(agents, f"ordered-run {i}", queue="ordered", priority=priority)
        for i, priority in enumerate(order)
    ]
    Queue.objects.filter(name="ordered").update(concurrency=1)
    all_ended(engine, runs)
    first_to_last = sorted(runs, key=started)
    assert [run.priority for run in first_to_last] == [1, 2, 5, None, None]
    assert first_to_last[3:] == [runs[0], runs[3]]


def test_concurrency_is_kept_and_freed_at_once(engine: Installation) -> None:
    Queue.objects.create(name="single", concurrency=1)
    calls = {"calls": [call("fetch", tag="a", seconds=0.2)]}
    engine.double.says(script("single-run", calls, {"text": "ok"}))
    agents = [agent("fetcher", tools=["fetch"])]
    runs = [engine.launch(agents, f"single-run {i}", queue="single") for i in range(4)]
    runs = sorted(all_ended(engine, runs), key=started)
    pairs = itertools.pairwise(runs)
    gaps = [(started(later) - ended(earlier)).total_seconds() for earlier, later in pairs]
    assert all(gap > 0 for gap in gaps)
    assert sorted(gaps)[1] < 0.6


def test_awaiting_approval_holds_no_place(engine: Installation) -> None:
    Queue.objects.create(name="placed", concurrency=1)
    engine.double.says(
        script("placed-waits", {"calls": [call("pay", tag="a", seconds=0)]}),
        script("placed-quick", {"text": "ok"}),
    )
    waits = engine.launch([agent("payer", tools=["pay"])], "placed-waits", queue="placed")
    engine.wait(waits, "awaiting_approval")
    quick = engine.launch([agent("quick")], "placed-quick", queue="placed")
    engine.wait(quick, "succeeded")
    cancel(waits.run_id, by="test")


def test_runs_of_a_session_come_one_after_the_other(engine: Installation) -> None:
    turns: list[Json] = [{"calls": [call("fetch", tag="a", seconds=0.3)]}, {"text": "ok"}]
    engine.double.says(script("in-session", *turns))
    agents = [agent("fetcher", tools=["fetch"])]
    runs = [engine.launch(agents, f"in-session {i}", session_id="shared") for i in range(3)]
    runs = all_ended(engine, runs)
    for earlier, later in itertools.pairwise(runs):
        assert started(later) > ended(earlier)
    texts = [str(item.item) for item in SessionItem.objects.filter(session_id="shared")]
    asked = [text for text in texts if "in-session" in text]
    assert len(texts) == 3 * 4
    assert [f"in-session {i}" in text for i, text in enumerate(asked)] == [True] * 3


def test_a_session_waits_for_a_person(engine: Installation) -> None:
    engine.double.says(
        script("session-pays", {"calls": [call("pay", tag="a", seconds=0)]}, {"text": "paid"}),
        script("session-next", {"text": "ok"}),
    )
    payer = engine.launch([agent("payer", tools=["pay"])], "session-pays", session_id="waits")
    payer = engine.wait(payer, "awaiting_approval")
    later = engine.launch([agent("quick")], "session-next", session_id="waits")
    time.sleep(0.8)
    assert engine.run(later.run_id).status == "queued"
    [asked] = engine.asked(payer)
    resume(payer.run_id, payer.revision, [{"call_id": asked.call_id, "approve": True}])
    payer, later = engine.wait(payer, "succeeded"), engine.wait(later, "succeeded")
    assert started(later) > ended(payer)


def test_a_retry_waits_for_its_session(engine: Installation) -> None:
    fault = {"status": 400, "message": "no"}
    long = {"calls": [call("fetch", tag="a", seconds=2.0)]}
    engine.double.says(
        script("session-fails", {"text": "ok", "faults": [fault]}),
        script("session-long", long, {"text": "ok"}),
    )
    failed = engine.launch([agent("failing")], "session-fails", session_id="retried")
    engine.wait(failed, "failed")
    going = engine.launch([agent("going", tools=["fetch"])], "session-long", session_id="retried")
    engine.event(going, "tool.started")
    retry(failed.run_id, by="test")
    failed, going = engine.wait(failed, "succeeded"), engine.wait(going, "succeeded")
    again = engine.event(failed, "segment.started", count=2)
    assert again.at > ended(going)


def test_a_deduplication_id_is_free_after_the_end(engine: Installation) -> None:
    engine.double.says(script("dedup-run", {"tokens": 100, "token_delay": 0.05}))
    agents = [agent("talker")]
    first = engine.launch(agents, "dedup-run 1", dedup_id="only-one")
    engine.event(first, "model.delta")
    with pytest.raises(DuplicateRun) as refused:
        engine.launch(agents, "dedup-run 2", dedup_id="only-one")
    assert refused.value.run_id == first.run_id
    cancel(first.run_id, by="test")
    engine.wait(first, "cancelled")
    third = engine.launch(agents, "dedup-run 3", dedup_id="only-one")
    cancel(third.run_id, by="test")
