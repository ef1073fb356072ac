"""What a process may take: by what it can build, and by what lives in it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.services.rows import launched
from timestep.engine import fitness as module
from timestep.engine.admission import Taker, startable
from timestep.engine.fitness import Fitness
from timestep.engine.looks import look
from timestep.models import AgentSpec, Segment
from timestep.services.specs import store_spec

pytestmark = pytest.mark.django_db


def spec(script: str | None = None, *registered: str) -> dict[str, Any]:
    needs = {"modules": [], "registered": list(registered), "script": script}
    return {"spec_version": 2, "needs": needs}


def script_a(body: Mapping[str, Any]) -> str:
    """What a process of `/a.py` says that it lacks."""
    return "" if body["needs"]["script"] in (None, "/a.py") else "another script"


@pytest.fixture
def fitness() -> Fitness:
    """A process of `/a.py` that has looked at what is ready."""
    bodies = {"a": spec("/a.py"), "b": spec("/b.py"), "named": spec(None, "x"), "free": spec()}
    for run_id, body in bodies.items():
        launched(run_id, spec=store_spec(body))
    launched("kept", spec=store_spec(bodies["a"]), reserved_for="another")
    found = Fitness(script_a)
    found.unbuildable(look("w-1").specs)
    return found


@pytest.mark.parametrize(
    ("own_only", "taken"), [(True, {"a", "named"}), (False, {"a", "named", "free"})]
)
def test_beside_a_worker_a_script_takes_what_lives_in_it(
    fitness: Fitness, own_only: bool, taken: set[str]
) -> None:
    script = Taker("s-1", own_only, fitness.unbuildable(look("w-1").specs), fitness.at_home())
    assert {segment.run_id for segment in startable(script)} == taken


def test_what_no_worker_takes_is_taken_by_a_script_that_can(fitness: Fitness) -> None:
    Segment.objects.update(created_at=timezone.now() - timedelta(seconds=3))
    unbuildable, at_home = fitness.unbuildable(look("w-1").specs), fitness.at_home()
    script = Taker("s-1", True, unbuildable, at_home, fitness.of_programs())
    assert {segment.run_id for segment in startable(script)} == {"a", "named", "free"}


def test_what_was_found_fit_stays_so(fitness: Fitness) -> None:
    first = fitness.unbuildable(look("w-1").specs), fitness.at_home()
    assert (fitness.unbuildable(look("w-1").specs), fitness.at_home()) == first
    assert (len(first[0]), len(first[1])) == (1, 2)


def test_what_could_not_be_built_after_all_is_looked_at_anew(fitness: Fitness) -> None:
    lacked = {"free": "its part is gone"}
    changing = Fitness(lambda body: lacked["free"])
    ours = AgentSpec.objects.get(runs="free")
    lacked["free"] = ""
    assert changing.unbuildable({ours.digest}) == frozenset()
    lacked["free"] = "its part is gone"
    assert changing.unbuildable({ours.digest}) == frozenset()
    assert changing.misjudged(ours)
    assert changing.unbuildable({ours.digest}) == {ours.digest}


def test_the_log_says_once_why_a_run_is_left(
    fitness: Fitness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module, "_LOOK_AGAIN_SECONDS", 0.0)
    lacking = Fitness(lambda body: "it needs desk.tools:add, which is not there")
    lacking.unbuildable(look("w-1").specs)
    assert not caplog.records
    monkeypatch.setattr(module, "_TOLD_AFTER_SECONDS", 0.0)
    for _ in range(3):
        lacking.unbuildable(look("w-1").specs)
    told = {record.getMessage().split()[1]: record.levelname for record in caplog.records}
    assert told == {"a": "INFO", "b": "INFO", "named": "WARNING", "free": "WARNING"}
    assert len(caplog.records) == 4
    assert "cannot build it: it needs desk.tools:add" in caplog.text
