"""A queue's concurrency, with a real worker: a cap on whatever executes, however it began."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from approvals.services.decisions import resolve_unknown
from tests.campaign.double import call, script
from tests.campaign.installation import Installation, agent
from tests.workflows.rows import in_threads
from timestep.models import Queue, Run
from timestep.services.resume import resume
from timestep.services.retry import retry

REFUSED = {"status": 400, "message": "no"}


def at_once(engine: Installation, tool: str, runs: list[Run]) -> int:
    """The most calls of a tool that were under way at one time, by the tool's own journal."""
    ids = {event.payload["call_id"] for run in runs for event in engine.events(run, "tool.started")}
    changes = [(one.at, 1) for one in engine.calls(tool, "start") if one.call_id in ids]
    changes += [(one.at, -1) for one in engine.calls(tool, "end") if one.call_id in ids]
    assert len(changes) == 2 * len(runs)
    under_way = most = 0
    for _, change in sorted(changes):
        under_way += change
        most = max(most, under_way)
    return most


def order_of(engine: Installation, tool: str, runs: list[Run]) -> list[str]:
    """The runs in the order in which their calls of a tool began."""
    began = {entry.call_id: entry.at for entry in engine.calls(tool, "start")}
    calls = {run.run_id: engine.events(run, "tool.started")[0].payload["call_id"] for run in runs}
    return sorted(calls, key=lambda run_id: began[calls[run_id]])


def paying(engine: Installation, queue: str, name: str, count: int) -> list[Run]:
    """Runs that await a person before a call of 0.2 s."""
    asks = {"calls": [call("pay", tag="a", seconds=0.2)]}
    engine.double.says(script(name, asks, {"text": "ok"}))
    payer = [agent("payer", tools=["pay"])]
    runs = [engine.launch(payer, f"{name} {n}", queue=queue) for n in range(count)]
    return [engine.wait(run, "awaiting_approval") for run in runs]


def approve(engine: Installation, run: Run) -> None:
    """Approve all that the run asks."""
    calls = [{"call_id": asked.call_id, "approve": True} for asked in engine.asked(run)]
    resume(run.run_id, run.revision, calls)


def fetching(
    engine: Installation, queue: str, name: str, count: int, *faults: object, seconds: float = 0.2
) -> list[Run]:
    """Runs that make a call of so long, after the faults."""
    calls = {"calls": [call("fetch", tag="a", seconds=seconds)], "faults": list(faults)}
    engine.double.says(script(name, calls, {"text": "ok"}))
    fetcher = [agent("fetcher", tools=["fetch"])]
    return [engine.launch(fetcher, f"{name} {n}", queue=queue) for n in range(count)]


def succeed(engine: Installation, runs: list[Run]) -> None:
    """Wait until all have."""
    for run in runs:
        engine.wait(run, "succeeded", within=60)


def test_of_eight_approved_runs_one_goes_on_at_a_time(engine: Installation) -> None:
    Queue.objects.create(name="one-resumes", concurrency=1, limit=None)
    runs = paying(engine, "one-resumes", "resumes-one", 8)
    in_threads(8, lambda n: approve(engine, runs[n]))
    succeed(engine, runs)
    assert at_once(engine, "pay", runs) == 1


def test_of_five_retries_one_goes_on_at_a_time(engine: Installation) -> None:
    Queue.objects.create(name="one-retries", concurrency=1, limit=None)
    runs = fetching(engine, "one-retries", "retries-one", 5, REFUSED)
    for run in runs:
        engine.wait(run, "failed")
    in_threads(5, lambda n: retry(runs[n].run_id, by="test"))
    succeed(engine, runs)
    assert at_once(engine, "fetch", runs) == 1


def test_what_goes_on_waits_for_a_place_of_its_worker_too(engine: Installation) -> None:
    Queue.objects.create(name="each-one", worker_concurrency=1, limit=None)
    runs = paying(engine, "each-one", "each-one-resumes", 4)
    for run in runs:
        approve(engine, run)
    succeed(engine, runs)
    assert at_once(engine, "pay", runs) == 1


def test_what_goes_on_comes_before_launches_and_spends_no_start(engine: Installation) -> None:
    Queue.objects.create(name="mixed", concurrency=1, limit=None)
    failed = fetching(engine, "mixed", "mixed-fails", 2, REFUSED)
    asking = paying(engine, "mixed", "mixed-asks", 2)
    for run in failed:
        engine.wait(run, "failed")
    Queue.objects.filter(name="mixed").update(concurrency=0, limit=4, period_seconds=600)
    new = fetching(engine, "mixed", "mixed-new", 1)
    for run in failed:
        retry(run.run_id, by="test")
    for run in asking:
        approve(engine, run)
    Queue.objects.filter(name="mixed").update(concurrency=1)
    succeed(engine, asking + failed)
    ends = [engine.run(run.run_id).finished_at for run in [*asking, *failed]]
    assert ends == sorted(ends, key=str)
    # Four starts were spent, by the launches alone: a fifth has none, before and after.
    assert engine.run(new[0].run_id).status == "queued"
    Queue.objects.filter(name="mixed").update(limit=5)
    succeed(engine, new)


def test_a_call_that_is_run_again_waits_for_a_place(engine: Installation) -> None:
    Queue.objects.create(name="one-again", concurrency=1, limit=None)
    charging = {"calls": [call("linger_charging", tag="a")]}
    engine.double.says(script("again-asks", charging, {"text": "ok"}))
    charger = [agent("charger", tools=["linger_charging"])]
    run = engine.launch(charger, "again-asks", queue="one-again")
    engine.event(run, "tool.started")
    engine.kill()
    engine.start_worker()
    run = engine.wait(run, "awaiting_approval")
    [other] = fetching(engine, "one-again", "again-other", 1, seconds=2.0)
    engine.event(other, "tool.started")
    [asked] = engine.asked(run, "outcome_unknown")
    resolve_unknown(asked.approval_id, outcome="run_again", by=engine.person())
    assert engine.run(run.run_id).status == "queued"
    succeed(engine, [run, other])
    [*_, again] = engine.calls("linger_charging", "start", asked.call_id)
    [end] = [one for one in engine.calls("fetch", "end") if one.at < again.at][-1:]
    assert end.call_id == engine.events(other, "tool.started")[0].payload["call_id"]


@pytest.fixture
def second(engine: Installation) -> Iterator[str]:
    """The name of a second worker, which takes from one queue alone."""
    engine.stack.start("worker", "--queue", "kept", name="second")
    engine.worker("second")
    yield "second"
    if "second" in engine.stack.processes:
        engine.stack.kill("second")


@pytest.mark.postgres_only
def test_a_takeover_keeps_its_place_in_a_full_queue(engine: Installation, second: str) -> None:
    Queue.objects.filter(name="kept").update(concurrency=1, limit=None)
    engine.stack.kill("worker")
    engine.double.says(script("kept-lingers", {"calls": [call("linger", tag="a")]}, {"text": "ok"}))
    lost = engine.launch([agent("lingerer", tools=["linger"])], "kept-lingers", queue="kept")
    engine.event(lost, "tool.started")
    waiting = fetching(engine, "kept", "kept-waits", 2)
    engine.ready()
    engine.kill(second)
    lost = engine.wait(lost, "succeeded", within=40)
    succeed(engine, waiting)
    assert lost.takeovers == 1
    begun = [run.started_at for run in Run.objects.filter(queue="kept").order_by("started_at")]
    assert lost.finished_at is not None
    assert all(at is not None and at > lost.finished_at for at in begun[1:])
