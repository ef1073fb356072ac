"""A model that answers in very many pieces at once: other runs of the worker go on as if alone."""

from __future__ import annotations

import time

from agents import Agent

from tests.campaign import code
from tests.campaign.double import call, script
from tests.campaign.installation import Installation
from timestep.services.cancel import cancel

PIECES = 60_000


def test_a_neighbours_call_is_not_late(engine: Installation) -> None:
    engine.double.says(
        script("flood-beside", {"flood": PIECES}),
        script("beating", {"calls": [call("beat", seconds=4)]}, {"text": "{outputs}"}),
    )
    flooded = engine.launch_code(Agent(name="talker", model="test-model"), "flood-beside")
    engine.event(flooded, "model.started")
    agent = Agent(name="beater", model="test-model", tools=[code.beat])
    beating = engine.wait(engine.launch_code(agent, "beating"), "succeeded", "failed", within=60)
    assert int(str(beating.final_output)) < 1_000
    flooded = engine.wait(flooded, "succeeded", "failed", within=120)
    assert flooded.final_output == "x" * PIECES, engine.described(flooded)


def test_a_flood_is_cancelled_at_once(engine: Installation) -> None:
    engine.double.says(script("flood-cancelled", {"flood": 3_000_000}))
    run = engine.launch_code(Agent(name="talker", model="test-model"), "flood-cancelled")
    engine.event(run, "model.delta", within=60)
    began = time.monotonic()
    cancel(run.run_id, by="test")
    engine.event(run, "run.finished", within=20)
    assert engine.run(run.run_id).status == "cancelled"
    # A second, and what a machine with other work needs.
    assert time.monotonic() - began < 10


def test_a_flood_ends_with_its_timeout(engine: Installation) -> None:
    engine.double.says(script("flood-late", {"flood": 3_000_000}))
    agent = Agent(name="talker", model="test-model")
    run = engine.launch_code(agent, "flood-late", timeout_seconds=2.0)
    run = engine.wait(run, "timed_out", "failed", "succeeded", within=60)
    assert run.status == "timed_out"
