"""Schedules with real workers: each tick once, changes in force at once, and the overlap rules."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from agents import Agent

from tests.campaign.double import script
from tests.campaign.installation import Installation, until
from tests.services.schedules import ANA
from timestep.engine.travel import describe
from timestep.models import Queue, Run, Schedule, Tick
from timestep.services.cancel import cancel
from timestep.services.schedule_checks import DEFAULTS
from timestep.services.schedules import ProgramSchedule, delete, pause, save_program_schedule

SECONDLY = "* * * * * *"
QUICK = Agent(name="quick", model="demo/instant")
SLOW = Agent(name="slow", model="test-model")


@pytest.fixture(autouse=True)
def leave_nothing_ticking(engine: Installation) -> Iterator[None]:
    """End what a test began, before the next one counts."""
    Queue.objects.get_or_create(name="ticks", defaults={"limit": None})
    yield
    for schedule in Schedule.objects.all():
        delete(schedule.name, by=ANA)
    for run in Run.objects.filter(status__in=("queued", "awaiting_approval")):
        cancel(run.run_id, by="test")


def schedule(name: str, agent: Agent = QUICK, **fields: object) -> Schedule:
    """A schedule of a program's agent, every second unless something else is said."""
    own = {"name": name, "agent": agent.name, "input": name, "cron": SECONDLY, "queue": "ticks"}
    return save_program_schedule(ProgramSchedule({**DEFAULTS, **own, **fields}, describe(agent)))


def ticks(name: str, count: int, within: float = 20.0) -> list[Tick]:
    """The ticks of a schedule, once there are so many."""
    rows = Tick.objects.filter(schedule=name).order_by("at")
    until(lambda: rows.count() >= count, within, f"{name} has {count} ticks")
    return list(rows)


def test_every_second_is_launched_and_executed(engine: Installation) -> None:
    schedule("each-second")
    found = ticks("each-second", 4)
    steps = [later.at - tick.at for tick, later in itertools.pairwise(found)]
    assert set(steps) == {timedelta(seconds=1)}
    run = engine.wait(Run.objects.get(run_id=found[0].run_id), "succeeded")
    assert (run.scheduled_at, run.schedule, run.agent) == (found[0].at, "each-second", "quick")


def test_changes_are_in_force_within_two_seconds(engine: Installation) -> None:
    made = schedule("changed", cron="0 0 1 1 *")
    schedule("changed")
    changed = time.time()
    first = ticks("changed", 1, within=5)[0]
    assert first.fired_at.timestamp() - changed < 2
    pause(made.name, by=ANA)
    count = Tick.objects.filter(schedule=made.name).count()
    time.sleep(2.1)
    assert Tick.objects.filter(schedule=made.name).count() == count


def test_skip_says_what_still_runs(engine: Installation) -> None:
    engine.double.says(script("skips", {"text": "ok", "delay": 2.5}))
    schedule("skips", SLOW, overlap="skip")
    found = ticks("skips", 5)
    launched = [tick for tick in found if tick.outcome == "launched"]
    assert found[0] is launched[0]
    assert found[1].note.startswith(f"skipped: run {found[0].run_id} has not ended")
    assert 1 <= len(launched) <= 2


def test_queue_starts_one_after_the_other(engine: Installation) -> None:
    engine.double.says(script("queues", {"text": "ok", "delay": 1.2}))
    schedule("queues", SLOW, overlap="queue")
    ticks("queues", 3)
    pause("queues", by=ANA)
    runs = list(Run.objects.filter(schedule="queues").order_by("scheduled_at")[:3])
    done = [engine.wait(run, "succeeded") for run in runs]
    for before, after in itertools.pairwise(done):
        assert before.finished_at is not None
        assert after.started_at is not None
        assert before.finished_at <= after.started_at


def test_cancel_running_never_runs_two_at_once(engine: Installation) -> None:
    engine.double.says(script("cancels", {"text": "ok", "delay": 30}))
    schedule("cancels", SLOW, overlap="cancel_running", cron="*/3 * * * * *")
    first, second, *_ = ticks("cancels", 2)
    pause("cancels", by=ANA)
    cancelled = engine.wait(Run.objects.get(run_id=first.run_id), "cancelled", within=10)
    assert (cancelled.cancelled_by, second.note) == (
        "schedule cancels", f"cancelled {first.run_id}"
    )  # fmt: skip
    after = engine.wait(Run.objects.get(run_id=second.run_id), "running", within=10)
    assert cancelled.finished_at is not None
    assert after.started_at is not None
    assert cancelled.finished_at <= after.started_at
    cancel(after.run_id, by="test")
    engine.wait(after, "cancelled")


@pytest.mark.postgres_only
def test_several_workers_fire_each_tick_once_over_kills_and_restarts(
    engine: Installation,
) -> None:
    for name in ("second", "third"):
        engine.start_worker(name)
    for name in ("second", "third"):
        engine.worker(name)
    for number in range(4):
        schedule(f"many-{number}")
    time.sleep(10)
    engine.kill("second")
    time.sleep(10)
    engine.ready("second")
    ticks("many-0", 30, within=30)
    for number in range(4):
        pause(f"many-{number}", by=ANA)
        found = ticks(f"many-{number}", 1)
        steps = {later.at - tick.at for tick, later in itertools.pairwise(found)}
        assert steps == {timedelta(seconds=1)}
        assert {tick.outcome for tick in found} == {"launched"}
        runs = Run.objects.filter(schedule=f"many-{number}")
        assert sorted(run.run_id for run in runs) == sorted(str(tick.run_id) for tick in found)
    for name in ("second", "third"):
        engine.kill(name)
