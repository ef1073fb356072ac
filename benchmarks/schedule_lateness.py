"""How late ticks fire and their runs start: one schedule each second, then 200 each minute.

    python -m benchmarks.schedule_lateness [--database sqlite|postgres|both]

The second part has two workers on Postgres, one on SQLite. BENCHMARK_MINUTES (default: 2) says how
long it takes. Each tick must have fired exactly once.
"""

from __future__ import annotations

import itertools
import os
import time
from typing import Any

from benchmarks.harness import (
    Verdicts,
    each_database,
    installation,
    percentile,
    spread,
    use_django,
)

SECONDS = 60
MINUTES = int(os.environ.get("BENCHMARK_MINUTES", "2"))
SCHEDULES = 200
EVERY_SECOND = "* * * * * *"
EVERY_MINUTE = "0 * * * * *"


def _measure(database: str) -> None:
    verdicts = Verdicts()
    with installation(database) as stack:
        use_django(stack)
        workers = ["one", "two"] if database == "postgres" else ["one"]
        for name in workers:
            stack.start("worker", name=name)
        for name in workers:
            stack.wait_for_log(name, " executes")
        _prepare()
        time.sleep(3)
        _judge(verdicts, "each second", _lateness(1, EVERY_SECOND, SECONDS), SECONDS - 1)
        at_least = SCHEDULES * (MINUTES - 1)
        found = _lateness(SCHEDULES, EVERY_MINUTE, 60 * MINUTES)
        _judge(verdicts, f"{SCHEDULES} each minute", found, at_least)
    verdicts.exit()


def _judge(
    verdicts: Verdicts, what: str, found: tuple[list[float], list[float]], at_least: int
) -> None:
    fired, started = found
    print(f"{what}, tick fired:   {spread(fired)} ms")
    print(f"{what}, run started:  {spread(started)} ms")
    verdicts.at_least(f"{what}, ticks", len(fired), at_least, "ticks")
    verdicts.at_most(f"{what}, fired p99", percentile(fired, 99), 1000, "ms")


def _prepare() -> None:
    from timestep.models import Queue  # noqa: PLC0415 - after django.setup()
    from workflows.services.definitions import save_definition  # noqa: PLC0415

    Queue.objects.create(name="benchmark", limit=None)
    save_definition(
        {"slug": "bench", "name": "Bench", "model": "demo/instant", "default_queue": "benchmark"}
    )


def _lateness(count: int, cron: str, seconds: float) -> tuple[list[float], list[float]]:
    """How late the ticks of so many schedules fired, and how late their runs started, in ms."""
    from timestep.models import Run, Schedule, Tick  # noqa: PLC0415
    from timestep.services.audit import Actor  # noqa: PLC0415
    from timestep.services.schedules import pause, save_schedule  # noqa: PLC0415

    for number in range(count):
        fields = {"name": f"bench-{number}", "agent": "bench", "input": "Say hello.", "cron": cron}
        save_schedule(fields)
    time.sleep(seconds + 1)
    for name in Schedule.objects.values_list("name", flat=True):
        pause(name, by=Actor("benchmark", "program"))
    _wait_until(lambda: not Run.objects.filter(status__in=("queued", "running")).exists())
    ticks = list(Tick.objects.select_related("schedule"))
    _check_each_once(ticks)
    at = {tick.run_id: tick.at for tick in ticks}
    runs = Run.objects.filter(run_id__in=at).values_list("run_id", "started_at")
    started = [_milliseconds(began - at[run_id]) for run_id, began in runs if began]
    fired = [_milliseconds(tick.lateness) for tick in ticks]
    Schedule.objects.all().delete()
    return fired, started


def _check_each_once(ticks: list[Any]) -> None:
    """No tick left out, and none that launched nothing or twice: a run per tick, evenly spaced."""
    from timestep.models import Run  # noqa: PLC0415

    assert all(tick.outcome == "launched" for tick in ticks)
    assert len({tick.run_id for tick in ticks}) == len(ticks)
    names = {tick.schedule_id for tick in ticks}
    ran = {run.run_id for run in Run.objects.filter(schedule__in=names)}
    assert ran >= {tick.run_id for tick in ticks}
    for name in names:
        times = sorted(tick.at for tick in ticks if tick.schedule_id == name)
        steps = {b - a for a, b in itertools.pairwise(times)}
        assert len(steps) <= 1, (name, steps)


def _milliseconds(delta: Any) -> float:
    return float(delta.total_seconds() * 1000)


def _wait_until(done: Any, within: float = 120.0) -> None:
    deadline = time.monotonic() + within
    while not done():
        assert time.monotonic() < deadline, "the runs do not end"
        time.sleep(0.2)


if __name__ == "__main__":
    each_database("benchmarks.schedule_lateness", __doc__, _measure)
