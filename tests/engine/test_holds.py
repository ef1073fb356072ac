"""The emergency stop with real workers: approved calls wait too, also through a worker's death."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from approvals.services.decisions import decide
from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation, agent, until
from tests.campaign.tools import expected
from tests.engine.test_kills import calls
from timestep.models import Hold, Run
from timestep.services import holds
from timestep.services.audit import Actor
from timestep.services.cancel import cancel

ANA = Actor("ana", "page")
OUTPUTS: Json = {"text": "{outputs}"}


def _held(engine: Installation, text: str) -> Run:
    """A run whose call was approved after its tool was held, once it waits."""
    engine.double.says(script(text, calls(call("pay", tag="a", seconds=0)), OUTPUTS))
    run = engine.launch([agent("payer", tools=["pay"])], text, timeout_seconds=20)
    engine.wait(run, "awaiting_approval")
    [asked] = engine.asked(run)
    decide(asked.approval_id, approve=True, by=engine.person())
    engine.event(run, "hold.waiting")
    return run


@pytest.fixture(name="pay_is_held")
def _pay_is_held(engine: Installation) -> Iterator[Hold]:
    placed = holds.place("tool", "pay", by=ANA, why="it pays twice")
    yield placed
    holds.release(placed.pk, by=ANA, why="mended")


def test_an_approved_call_waits_survives_its_worker_and_goes_on_by_itself(
    engine: Installation, pay_is_held: Hold
) -> None:
    run = _held(engine, "hold-approved")
    told = engine.event(run, "hold.waiting").payload
    assert (told["name"], told["by"], told["why"]) == ("pay", "ana", "it pays twice")
    until(lambda: engine.run(run.run_id).executing_since is None, 5, "its clock stands still")
    engine.kill()
    engine.ready()
    called = engine.event(run, "hold.waiting", count=2, within=40).payload["call_id"]
    assert engine.calls("pay", "start", called) == []
    holds.release(pay_is_held.pk, by=ANA, why="mended")
    engine.event(run, "tool.started", within=6)
    run = engine.wait(run, "succeeded")
    assert run.final_output == expected("pay", "a", called)
    assert len(engine.calls("pay", "start", called)) == 1
    assert run.executing_ms < 15_000


def test_a_run_that_is_held_can_be_cancelled_and_none_of_its_agent_starts(
    engine: Installation,
) -> None:
    placed = holds.place("agent", "payer", by=ANA, why="drill")
    try:
        engine.double.says(script("hold-start", OUTPUTS))
        run = engine.launch([agent("payer", tools=["pay"])], "hold-start")
        other = engine.launch([agent("clerk")], "hold-start")
        engine.wait(other, "succeeded")
        assert engine.run(run.run_id).status == "queued"
        cancel(run.run_id, by="ana")
        engine.wait(run, "cancelled")
    finally:
        holds.release(placed.pk, by=ANA, why="over")
