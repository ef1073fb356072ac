"""Runs that tools of runs begin and wait for: they take the place of the one that waits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.campaign.double import call, script
from tests.campaign.installation import Installation, until
from tests.library.program import Program
from timestep.models import Queue, Run, RunAwait, Segment
from timestep.services.cancel import cancel

DONE = {"text": "{outputs}"}


@pytest.fixture(autouse=True)
def limits(engine: Installation) -> Iterator[None]:
    """One place in each of three queues."""
    for name in ("direct", "outer", "inner"):
        Queue.objects.update_or_create(name=name, defaults={"concurrency": 1, "limit": None})
    yield
    Queue.objects.filter(name="direct").update(concurrency=None)


def nests(engine: Installation, text: str, then: str, queue: str = "", times: int = 1) -> None:
    """Let whoever is told the text run another with the other text."""
    calls = [call("nest", text=then, queue=queue, times=times)]
    engine.double.says(script(text, {"calls": calls}, DONE))


def fetches(engine: Installation, text: str, seconds: float = 0.1) -> None:
    """Let whoever is told the text make a call."""
    engine.double.says(script(text, {"calls": [call("fetch", tag="a", seconds=seconds)]}, DONE))


def most_at_once(queue: str) -> int:
    """The most runs of a queue that were executed at one time, but for those that awaited one."""
    found = Segment.objects.filter(run__queue=queue, run__agent="nester").order_by("started_at")
    spans = [(one.started_at, one.ended_at) for one in found if one.started_at and one.ended_at]
    assert len(spans) == len(found)
    inner = [s for s in spans if not any(s[0] < o[0] and o[1] < s[1] for o in spans)]
    return max(sum(a <= at <= b for a, b in inner) for at, _ in inner)


def test_a_nested_run_takes_the_place_of_the_run_that_awaits_it(
    engine: Installation, program: Program
) -> None:
    fetches(engine, "deep-0")
    for level in (1, 2, 3):
        nests(engine, f"deep-{level}", f"deep-{level - 1}")
    result = program.call("run", agent="nester", input_items="deep-3")
    assert result["output"].count("nested") == 3
    assert not RunAwait.objects.exists()


@pytest.mark.parametrize("tool", ["nest_in_thread", "nest_streaming"])
def test_however_the_tool_awaits_it(engine: Installation, program: Program, tool: str) -> None:
    fetches(engine, f"{tool}-inner")
    calls = [call(tool, text=f"{tool}-inner")]
    engine.double.says(script(f"{tool}-outer", {"calls": calls}, DONE))
    result = program.call("run", agent="nester", input_items=f"{tool}-outer")
    assert "nested" in result["output"]


def test_through_another_queue_and_back(engine: Installation, program: Program) -> None:
    fetches(engine, "back-0")
    nests(engine, "back-1", "back-0", "outer")
    nests(engine, "back-2", "back-1", "inner")
    asked = {"agent": "nester", "input_items": "back-2", "queue_name": "outer"}
    assert "nested" in program.call("queue_and_wait", **asked)[1]["output"]


def test_many_nested_runs_take_one_place_one_after_the_other(
    engine: Installation, program: Program
) -> None:
    fetches(engine, "fan-in", 0.3)
    nests(engine, "fan-out", "fan-in", "inner", times=4)
    asked = {"agent": "nester", "input_items": "fan-out", "queue_name": "inner"}
    output = program.call("queue_and_wait", **asked)[1]["output"]
    assert output.count("fetch:a:") == 4
    assert most_at_once("inner") == 1


def test_another_queue_keeps_its_cap(engine: Installation, program: Program) -> None:
    fetches(engine, "elsewhere-in", 0.3)
    nests(engine, "elsewhere-out", "elsewhere-in", "inner", times=4)
    asked = {"agent": "nester", "input_items": "elsewhere-out", "queue_name": "outer"}
    assert program.call("queue_and_wait", **asked)[1]["status"] == "succeeded"
    assert most_at_once("inner") == 1


def test_runs_that_await_each_other_across_queues_end(
    engine: Installation, program: Program
) -> None:
    for at, other in (("outer", "inner"), ("inner", "outer")):
        fetches(engine, f"cross-leaf-{at}")
        calls = [call("fetch", tag="a", seconds=1.0)]
        then = [call("nest", text=f"cross-leaf-{other}", queue=other, times=1)]
        engine.double.says(script(f"cross-top-{at}", {"calls": calls}, {"calls": then}, DONE))
    runs = [
        program.call("queue", agent="nester", input_items=f"cross-top-{at}", queue_name=at)
        for at in ("outer", "inner")
    ]
    for run_id in runs:
        engine.wait(engine.run(run_id), "succeeded", within=30)


def child_of(engine: Installation, outer: Run) -> Run:
    """The run that another one's tool began, once it executes."""
    until(lambda: RunAwait.objects.filter(by=outer).first(), 20, "a wait")
    inner = RunAwait.objects.get(by=outer).run
    engine.event(inner, "tool.started")
    return inner


@pytest.mark.parametrize("ends", ["timeout", "cancel"])
def test_when_the_wait_is_broken_off_the_nested_run_has_its_place_to_itself(
    engine: Installation, program: Program, ends: str
) -> None:
    fetches(engine, f"{ends}-inner", 3.0)
    fetches(engine, f"{ends}-next")
    seconds = 1.5 if ends == "timeout" else 60.0
    asks = call("nest_for", text=f"{ends}-inner", queue="inner", seconds=seconds)
    engine.double.says(script(f"{ends}-outer", {"calls": [asks]}, DONE))
    asked = {"agent": "nester", "queue_name": "inner"}
    outer = engine.run(program.call("queue", input_items=f"{ends}-outer", **asked))
    inner = child_of(engine, outer)
    if ends == "cancel":
        cancel(outer.run_id, by="test")
    engine.wait(outer, "succeeded", "cancelled")
    assert engine.run(inner.run_id).status == "running"
    following = engine.run(program.call("queue", input_items=f"{ends}-next", **asked))
    inner, following = (engine.wait(one, "succeeded") for one in (inner, following))
    assert str(following.started_at) > str(inner.finished_at)
    assert not RunAwait.objects.exists()
