"""What the runs of the campaign do: everything that must survive a kill, in one conversation.

The start agent calls tools in parallel, one of them an agent with tools of its own; hands off to a
second agent, which makes a call that must not be repeated; waits for a person in the middle of
further calls; and ends with a streamed text that names every result.
"""

from __future__ import annotations

import random
from typing import Any

from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation, agent
from tests.campaign.rules import Scenario
from tests.campaign.tools import expected
from timestep.models import Run

PLAIN = ["fetch", "fetch_blocking"]


def agents() -> list[Json]:
    """The spec's agents; the first one starts."""
    return [
        agent("starter", tools=PLAIN, handoffs=["closer"], agent_tools=["helper"]),
        agent("helper", tools=PLAIN),
        agent("closer", tools=[*PLAIN, "charge", "pay"]),
    ]


def launch_one(engine: Installation, number: int, rng: random.Random) -> Run:
    """Launch a run of its own conversation, with durations drawn from `rng`."""
    text, inner = f"campaign run {number:03}.", f"errand of {number:03}."
    engine.double.says(
        script(inner, *_helper_turns(rng), token_delay=0.01),
        script(text, *_turns(inner, rng), token_delay=0.02),
    )
    name = f"campaign-{number:03}"
    return engine.launch(agents(), text, run_id=name, session_id=name, launched_from="test")


def _turns(inner: str, rng: random.Random) -> list[Json]:
    first = [_plain(rng, f"a{i}") for i in range(3)]
    first.insert(rng.randrange(4), call("ask_helper", input=inner))
    return [
        {"text": "I look things up.", "calls": first},
        {"text": "Over to the closer.", "calls": [call("transfer_to_closer")]},
        {"calls": [call("charge", tag="once", seconds=_seconds(rng)), _plain(rng, "c1")]},
        {"calls": [_plain(rng, "d0"), call("pay", tag="paid", seconds=_seconds(rng))]},
        {"text": "All done: {outputs}", "delay": 0.1},
    ]


def _helper_turns(rng: random.Random) -> list[Json]:
    calls = [_plain(rng, "h0"), _plain(rng, "h1")]
    return [{"text": "On my way.", "calls": calls}, {"text": "Found {outputs}"}]


def _plain(rng: random.Random, tag: str) -> Json:
    return call(rng.choice(PLAIN), tag=tag, seconds=_seconds(rng))


def _seconds(rng: random.Random) -> float:
    return round(rng.uniform(0.05, 0.8), 2)


def wrong_pairs(body: Json) -> list[str]:
    """Calls in a request to the model whose output belongs to another call, or is missing."""
    items: list[Json] = body["input"]
    outputs = {i["call_id"]: i["output"] for i in items if i.get("type") == "function_call_output"}
    calls = [item for item in items if item.get("type") == "function_call"]
    wrong = [
        f"{one['name']} {one['call_id']} has no output"
        for one in calls
        if one["call_id"] not in outputs
    ]
    for one in calls:
        output = outputs.get(one["call_id"], "")
        if not one["name"].startswith(("transfer_to_", "ask_")):
            tag = one["arguments"].partition('"tag": "')[2].partition('"')[0]
            if output != expected(one["name"], tag, one["call_id"]):
                wrong.append(f"{one['name']} {one['call_id']} has the output {output!r:.200}")
    return wrong


def _told(asked: Any) -> str:
    return expected(asked.tool, asked.arguments["tag"], asked.call_id)


DEFINITIONS = Scenario(
    launch=launch_one,
    final_turn=4,
    # Of the outer agents: four calls at first, the handoff, and two calls twice.
    calls_remembered=9,
    model_calls=5 + 2,
    tools=frozenset({*PLAIN, "charge", "pay"}),
    unrepeatable=frozenset({"charge", "pay"}),
    final=lambda _number, outputs: "All done: " + " | ".join(outputs),
    wrong_pairs=wrong_pairs,
    told=_told,
)
