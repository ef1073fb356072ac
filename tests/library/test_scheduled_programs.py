"""Programs with schedules, as real processes: before there are tables, again, and killed."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.campaign.installation import until
from tests.stack import ROOT, Stack

PROGRAM = '''
"""Launches an agent each second for a while, then says what the tables say."""

import json
import sys
import time

from agents import Agent
from timestep import configure_dbos, create_scheduled_agent_workflow, ensure_dbos_launched

configure_dbos()
beat = create_scheduled_agent_workflow(
    "* * * * * *", Agent(name="beat", model="demo/instant"), "hello", name="beat"
)
assert len(beat.next(2)) == 2
ensure_dbos_launched()
time.sleep(float(sys.argv[1]))
beat.pause()
time.sleep(1)
'''
REPORT = """
import json
import django
django.setup()
from timestep.models import Run, Schedule, Tick
ticks = Tick.objects.order_by("at")
print(json.dumps({
    "schedules": list(Schedule.objects.values_list("name", "paused_by")),
    "ticks": [tick.at.isoformat() for tick in ticks],
    "runs": [tick.run_id for tick in ticks],
    "statuses": dict(Run.objects.values_list("run_id", "status")),
    "owners": dict(Run.objects.values_list("run_id", "segments__worker")),
}))
"""
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def program(stack: Stack, tmp_path: Path) -> Path:
    """The program, on an installation that nobody has migrated."""
    stack.extra["PYTHONPATH"] = str(ROOT)
    path = tmp_path / "beat.py"
    path.write_text(PROGRAM)
    return path


def begun(stack: Stack, *words: str) -> subprocess.Popen[str]:
    """A Python process on the installation."""
    environment = {k: v for k, v in stack.environment.items() if k != "DJANGO_SETTINGS_MODULE"}
    return subprocess.Popen(
        [sys.executable, *words],
        env=environment,
        cwd=stack.home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def report(stack: Stack) -> dict[str, Any]:
    """What the tables say."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT],
        env=stack.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def each_second_once(said: dict[str, Any]) -> None:
    """No second left out, and a run of its own for each."""
    at = [datetime.fromisoformat(one) for one in said["ticks"]]
    assert {b - a for a, b in itertools.pairwise(at)} == {timedelta(seconds=1)}
    assert sorted(said["runs"]) == sorted(said["statuses"])


def test_a_program_schedules_before_there_are_tables_and_at_every_start(
    stack: Stack, program: Path
) -> None:
    for _ in range(2):
        process = begun(stack, str(program), "4")
        _, errors = process.communicate(timeout=90)
        assert process.returncode == 0, errors
    said = report(stack)
    # Paused by its first start, by name: so the second did not go on by itself.
    assert said["schedules"] == [["beat", "program"]]
    assert len(said["ticks"]) >= 3
    each_second_once(said)
    assert set(said["statuses"].values()) == {"succeeded"}


def test_a_worker_goes_on_where_a_program_was_killed(stack: Stack, program: Path) -> None:
    process = begun(stack, str(program), "60")
    assert process.stderr is not None
    try:
        until(lambda: _succeeded(stack) >= 2, 60, "runs succeed in the program", pause=1)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    stack.start("worker")
    stack.wait_for_log("worker", " executes")
    before = len(report(stack)["ticks"])
    until(lambda: _ended(stack) >= before + 3, 60, "the worker goes on", pause=1)
    stack.kill("worker")
    said = report(stack)
    assert len(set(said["owners"].values()) - {None}) == 2
    each_second_once(said)


def _succeeded(stack: Stack) -> int:
    try:
        return _ended(stack)
    except subprocess.CalledProcessError:
        return 0  # There are no tables yet.


def _ended(stack: Stack) -> int:
    return list(report(stack)["statuses"].values()).count("succeeded")
