"""Two workers on Postgres: one goes silent, the other takes over."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator

import psycopg
import pytest

from approvals.services.decisions import resolve_unknown
from tests.campaign.checks import takeover_seconds
from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation, agent, for_this_try, until
from tests.campaign.tools import expected
from timestep.models import Queue, Run, Worker

pytestmark = pytest.mark.postgres_only
TAKEOVER_WITHIN_S = 15.0
OUTPUTS: Json = {"text": "{outputs}"}


@pytest.fixture(scope="module")
def _pair(_looked_at: Installation) -> Iterator[Installation]:
    yield _looked_at
    _looked_at.kill("second")


@pytest.fixture
def pair(request: pytest.FixtureRequest, _pair: Installation) -> Iterator[Installation]:
    """An installation with two workers that execute: `worker` and `second`."""
    with for_this_try(request, _pair) as made:
        for name in ("worker", "second"):
            if name not in made.stack.processes:
                made.start_worker(name)
        for name in ("worker", "second"):
            made.ready(name)
        yield made


def in_flight(engine: Installation, text: str, *calls: Json) -> list[tuple[Run, str]]:
    """For each call a run, with the call in flight on the first worker; and the calls' ids."""
    signal_to(engine, "second", signal.SIGSTOP)
    found = []
    for number, one in enumerate(calls):
        engine.double.says(script(f"{text} {number}", {"calls": [one]}, OUTPUTS))
        agents = [agent("caller", tools=[one["name"]])]
        run = engine.launch(agents, f"{text} {number}")
        found.append((run, str(engine.event(run, "tool.started").payload["call_id"])))
    signal_to(engine, "second", signal.SIGCONT)
    return found


def signal_to(engine: Installation, name: str, number: signal.Signals) -> None:
    """Send a signal to a worker without waiting for anything."""
    engine.stack.processes[name].send_signal(number)


def test_a_worker_that_was_silent_and_comes_back(pair: Installation) -> None:
    """Its calls end while the other one makes them again: one result, and it stops by itself."""
    first = pair.worker()
    calls = [call(tool, tag="a", seconds=6) for tool in ("fetch", "charge")]
    (plain, fetched), (asks, charged) = in_flight(pair, "pair-silent", *calls)
    silent_at = time.time()
    signal_to(pair, "worker", signal.SIGSTOP)
    asks = pair.wait(asks, "awaiting_approval", "succeeded")
    pair.event(plain, "tool.started", count=2)
    took = takeover_seconds(silent_at, first.worker_id)
    sys.stdout.write(f"taken over after {took} s\n")
    assert (len(took), max(took) < TAKEOVER_WITHIN_S) == (2, True)
    signal_to(pair, "worker", signal.SIGCONT)
    assert pair.ended("worker") != -signal.SIGKILL
    [asked] = pair.asked(asks, "outcome_unknown")
    resolve_unknown(asked.approval_id, outcome="happened", result="charged", by=pair.person())
    plain, asks = pair.wait(plain, "succeeded", "failed"), pair.wait(asks, "succeeded", "failed")
    assert (plain.final_output, asks.final_output) == (expected("fetch", "a", fetched), "charged")
    assert len(pair.calls("charge", "start", charged)) == 1
    assert len(pair.events(plain, "run.finished")) == len(pair.events(asks, "run.finished")) == 1
    assert len(pair.events(plain, "tool.finished")) == 1
    assert Worker.objects.get(worker_id=first.worker_id).swept_by is not None


def test_a_run_that_somebody_has_locked_keeps_no_other_waiting(pair: Installation) -> None:
    """A session that stands still: the dead worker's other run goes on, and this one after it."""
    calls = [call("linger", tag=tag) for tag in "ab"]
    (locked, _), (other, _) = in_flight(pair, "pair-locked", *calls)
    with psycopg.connect(str(pair.stack.postgres_uri)) as standing:
        held = "SELECT 1 FROM timestep_run WHERE run_id = %s FOR UPDATE"
        standing.execute(held, [locked.run_id])
        killed = pair.kill("worker")
        pair.wait(other, "succeeded", within=TAKEOVER_WITHIN_S + 5)
        sys.stdout.write(f"the other went on and ended {time.time() - killed:.1f} s after\n")
        fresh = pair.launch([agent("quick")], "pair-locked fresh")
        pair.wait(fresh, "succeeded")
        assert pair.run(locked.run_id).status == "running"
    pair.wait(locked, "succeeded", within=10)


def test_the_database_forgets_all_connections(pair: Installation) -> None:
    """Postgres restarts, or somebody ends every session: the run goes on where it was."""
    turns: list[Json] = [
        {
            "calls": [call("fetch", tag="a", seconds=1)],
            "token_delay": 0.05,
            "text": "one two three",
        },
        {"calls": [call("charge", tag="b", seconds=1)], "token_delay": 0.05, "text": "a b c d e f"},
        {"text": "{outputs}", "token_delay": 0.3},
    ]
    pair.double.says(script("pair-severed", *turns))
    run = pair.launch([agent("caller", tools=["fetch", "charge"])], "pair-severed")
    pair.event(run, "model.started")
    for _ in range(12):
        pair.sever_connections()
        time.sleep(0.4)
    run = pair.wait(run, "succeeded", "failed", "awaiting_approval")
    conversation = pair.double.requests("pair-severed")[0]["conversation"]
    ids = [f"call_{conversation}_{turn}_0" for turn in (0, 1)]
    said = f"{expected('fetch', 'a', ids[0])} | {expected('charge', 'b', ids[1])}"
    assert run.final_output == said, pair.described(run)
    assert [r["turn"] for r in pair.double.requests("pair-severed")] == [0, 1, 2]
    assert len(pair.calls("charge", "start", ids[1])) == 1


def test_two_workers_keep_one_rate(pair: Installation) -> None:
    Queue.objects.create(name="shared-rate", limit=4, period_seconds=1.5)
    pair.double.says(script("shared-run", {"text": "ok", "delay": 0.2}))
    agents = [agent("quick")]
    runs = [pair.launch(agents, f"shared-run {i}", queue="shared-rate") for i in range(10)]
    for run in runs:
        pair.wait(run, "succeeded")
    moments = [run.segments.get().dispatched_at for run in runs]
    at = sorted(moment.timestamp() for moment in moments if moment is not None)
    assert len(at) == len(runs)
    assert all(b - a >= 1.5 for a, b in zip(at, at[4:], strict=False))


def test_a_worker_of_some_queues_takes_and_takes_over_from_these_alone(pair: Installation) -> None:
    pair.kill("second")
    pair.stack.start("worker", "--queue", "mail", "--queue", "slow", name="second")
    assert pair.worker("second").queues == ["mail", "slow"]
    assert Queue.objects.filter(name__in=("mail", "slow")).count() == 2
    pair.double.says(script("of-queue", {"calls": [call("fetch", tag="q", seconds=2)]}, OUTPUTS))
    agents = [agent("caller", tools=["fetch"])]
    left = pair.launch(agents, "of-queue left")
    pair.event(left, "tool.started")
    pair.kill("worker")
    until(lambda: pair.run(left.run_id).status == "queued", 15, "its worker's end is noticed")
    pair.wait(pair.launch(agents, "of-queue served", queue="slow"), "succeeded")
    assert pair.run(left.run_id).status == "queued"
    pair.kill("second")
    pair.ready("second")
    pair.wait(left, "succeeded")
