"""Agents as tools, two levels deep and in parallel, with kills in the middle."""

from __future__ import annotations

import random
from typing import Any

import pytest
from agents import Agent

from tests.campaign import code, tools
from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation, until
from timestep.models import Run

OUTPUTS: Json = {"text": "{outputs}"}


def family(name: str, **options: Any) -> Agent[Any]:
    """An agent that has a child as a tool, which has one too."""
    inner = Agent[Any](name="child", model="test-model", tools=[tools.fetch, tools.linger])
    middle = Agent[Any](name="parent", model="test-model")
    middle.tools = [tools.fetch, inner.as_tool("ask_child", "Ask the child.")]
    asks = middle.as_tool("ask_parent", "Ask the parent.", **options)
    return Agent(name=name, model="test-model", tools=[tools.fetch, asks])


def tell(engine: Installation, text: str, width: int, *, slow: bool = False) -> None:
    """Let `width` parents ask a child each, all of them at once, for random times."""
    rng = random.Random(text)
    errands = [f"{text}-parent-{i}." for i in range(width)]
    asked = {"calls": [call("ask_parent", input=errand) for errand in errands]}
    engine.double.says(script(f"{text} starts", asked, OUTPUTS))
    for errand in errands:
        detail = errand.replace("parent", "child")
        seconds = round(rng.uniform(0, 0.4), 2)
        fetch = call("fetch", tag=detail, seconds=seconds)
        made = {"calls": [fetch, call("linger", tag=detail)] if slow else [fetch, fetch]}
        nested = {"calls": [call("ask_child", input=detail), call("fetch", tag=errand, seconds=0)]}
        engine.double.says(
            script(errand, nested, {"text": "parent: {outputs}"}),
            script(detail, made | {"delay": rng.uniform(0, 0.3)}, {"text": "child: {outputs}"}),
        )


def missing(run: Run, text: str, width: int) -> list[str]:
    """Which results of the agents below did not get to the top."""
    output = str(run.final_output)
    wanted = [f"fetch:{text}-{who}-{i}." for i in range(width) for who in ("parent", "child")]
    return [result for result in wanted if result not in output]


def test_two_levels_in_parallel(engine: Installation) -> None:
    text = "nested-parallel"
    tell(engine, text, 3)
    run = engine.wait(engine.launch_code(family("elder"), f"{text} starts"), "succeeded", "failed")
    assert run.status == "succeeded", engine.described(run)
    assert missing(run, text, 3) == []
    calls = [event.payload for event in engine.events(run, "tool.finished")]
    parents = {one["call_id"] for one in calls if one["tool"] == "ask_parent"}
    children = [one for one in calls if one["tool"] == "ask_child"]
    assert {one["parent_call_id"] for one in children} == parents
    assert len(engine.double.requests(text)) == 2 * (1 + 3 + 3)


def _lingering(engine: Installation, run: Run) -> list[str]:
    """The calls of a run that take as long as the test needs."""
    started = [event.payload for event in engine.events(run, "tool.started")]
    return [one["call_id"] for one in started if one["tool"] == "linger"]


def test_a_kill_in_the_second_level(engine: Installation) -> None:
    text = "nested-kill"
    tell(engine, text, 2, slow=True)
    run = engine.launch_code(family("elder"), f"{text} starts")
    until(lambda: len(_lingering(engine, run)) == 2, 20, "both are in flight")
    engine.kill()
    engine.ready()
    run = engine.wait(run, "succeeded", "failed", "awaiting_approval")
    assert run.status == "succeeded", engine.described(run)
    assert missing(run, text, 2) == []
    finished = [(event.step, event.kind) for event in engine.events(run, "tool.finished")]
    assert len(finished) == len(set(finished)) == 2 * (1 + 2 + 2)
    turns = [(r["conversation"], r["turn"]) for r in engine.double.requests(text)]
    assert len(turns) == len(set(turns))


def _many(engine: Installation, text: str, parents: int, children: int) -> list[str]:
    """Let parents ask so many children each, all at once; returns what each child fetches."""
    rng = random.Random(text)
    errands = [f"{text}-parent-{i}." for i in range(parents)]
    names = {one: one.replace("parent", "child").removesuffix(".") for one in errands}
    details = {one: [f"{names[one]}-{j}." for j in range(children)] for one in errands}
    asked = {"calls": [call("ask_parent", input=errand) for errand in errands]}
    engine.double.says(script(f"{text} starts", asked, OUTPUTS))
    for errand in errands:
        asks = {"calls": [call("ask_child", input=detail) for detail in details[errand]]}
        engine.double.says(script(errand, asks, OUTPUTS))
        for detail in details[errand]:
            fetch = call("fetch", tag=detail, seconds=round(rng.uniform(0, 1), 2))
            turn = {"calls": [fetch], "delay": rng.uniform(0, 0.5)}
            engine.double.says(script(detail, turn, OUTPUTS))
    return [detail for errand in errands for detail in details[errand]]


def _fetched(engine: Installation, run: Run) -> list[str]:
    finished = [event.payload for event in engine.events(run, "tool.finished")]
    return [one["call_id"] for one in finished if one["tool"] == "fetch"]


def test_a_kill_among_more_calls_than_once_had_ids(engine: Installation) -> None:
    fetched = _many(engine, "nested-many", parents=2, children=9)
    run = engine.launch_code(family("elder"), "nested-many starts")
    until(lambda: len(_fetched(engine, run)) >= 6, 20, "some children have ended")
    engine.kill()
    done = _fetched(engine, run)
    engine.ready()
    run = engine.wait(run, "succeeded", "failed", "awaiting_approval")
    assert run.status == "succeeded", engine.described(run)
    assert [tag for tag in fetched if f"fetch:{tag}" not in str(run.final_output)] == []
    assert len(_fetched(engine, run)) == len(set(_fetched(engine, run))) == len(fetched)
    assert [one for one in done if len(engine.calls("fetch", "start", one)) != 1] == []


@pytest.mark.parametrize("option", ["custom_output_extractor", "on_stream"])
def test_options_of_agents_as_tools(engine: Installation, option: str) -> None:
    text = f"nested-{option}"
    tell(engine, text, 1)
    function = {"custom_output_extractor": code.extracted, "on_stream": code.noted_stream}[option]
    elder = family("elder", **{option: function})
    run = engine.wait(engine.launch_code(elder, f"{text} starts"), "succeeded", "failed")
    assert run.status == "succeeded", engine.described(run)
    assert missing(run, text, 1) == []
    if option == "on_stream":
        assert engine.calls("noted_stream", "start", "parent")
    else:
        assert str(run.final_output).startswith("extracted parent: ")
