"""Configuring, launching and cleaning up, in the right order and in the wrong one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import timestep
from tests.campaign.installation import Installation
from tests.stack import ROOT

NAMES = [
    "AgentResult",
    "AlreadyResumed",
    "CannotTravel",
    "DuplicateRun",
    "InvalidInput",
    "NotConfigured",
    "NotLaunched",
    "ProgramStopped",
    "RunCancelled",
    "RunFailed",
    "RunHandle",
    "RunIdInUse",
    "RunNotFound",
    "RunStateStore",
    "RunTimedOut",
    "ScheduleHandle",
    "ScheduleNotFound",
    "StreamedResult",
    "TimestepError",
    "TimestepSession",
    "build",
    "cleanup_dbos",
    "configure_dbos",
    "configure_queue",
    "create_scheduled_agent_workflow",
    "describe",
    "ensure_dbos_launched",
    "follow",
    "queue_agent_workflow",
    "register_agent",
    "register_function",
    "register_guardrail",
    "register_tool",
    "run_agent",
    "run_agent_workflow",
    "tool_options",
]
IMPORT_WITHIN_S = 0.15


def _python(code: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {"PYTHONPATH": str(ROOT), "TIMESTEP_HOME": str(home), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=own | environment,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_the_public_names_are_these() -> None:
    assert sorted(timestep.__all__) == NAMES


def test_every_public_name_may_be_imported_before_anything_is_configured(tmp_path: Path) -> None:
    done = _python(f"from timestep import {', '.join(NAMES)}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())


def test_importing_the_package_is_quick(tmp_path: Path) -> None:
    code = "import time; t = time.perf_counter(); import timestep; print(time.perf_counter() - t)"
    took = min(float(_python(code, tmp_path).stdout) for _ in range(3))
    assert took <= IMPORT_WITHIN_S


def test_what_comes_too_early_says_what_to_call(tmp_path: Path) -> None:
    code = """
import asyncio
from agents import Agent
from timestep import *
agent = Agent(name="a")
def tried(call):
    try:
        result = call()
        if asyncio.iscoroutine(result): asyncio.run(result)
    except Exception as error:
        print(type(error).__name__, error)
tried(ensure_dbos_launched)
tried(lambda: run_agent_workflow(agent, "x"))
configure_dbos()
tried(lambda: run_agent_workflow(agent, "x"))
tried(lambda: queue_agent_workflow(agent, "x"))
"""
    said = _python(code, tmp_path).stdout.splitlines()
    assert said == [
        "NotConfigured call configure_dbos() first",
        "NotConfigured call configure_dbos() first",
        "NotLaunched call ensure_dbos_launched() first",
        "NotLaunched call ensure_dbos_launched() first",
    ]


def test_twice_is_once_from_many_threads_and_an_event_loop(tmp_path: Path) -> None:
    code = """
import asyncio, threading
from timestep import configure_dbos, ensure_dbos_launched, cleanup_dbos
async def main():
    configure_dbos(); ensure_dbos_launched(); ensure_dbos_launched(); configure_dbos()
def setup():
    configure_dbos(); ensure_dbos_launched()
threads = [threading.Thread(target=setup) for _ in range(10)]
for t in threads: t.start()
for t in threads: t.join()
asyncio.run(main())
from timestep.models import Worker
print(Worker.objects.count())
cleanup_dbos(); cleanup_dbos()
print(Worker.objects.filter(stopped_at__isnull=False).count())
ensure_dbos_launched()
print(Worker.objects.count())
"""
    done = _python(code, tmp_path)
    assert done.stdout.split() == ["1", "1", "2"], done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_is_named_by_its_url(tmp_path: Path) -> None:
    code = """
from timestep import configure_dbos, ensure_dbos_launched
configure_dbos(database_url="sqlite:///here/mine.db")
ensure_dbos_launched()
try:
    configure_dbos(database_url="sqlite:///other.db")
except Exception as error:
    print(error)
"""
    done = _python(code, tmp_path)
    assert done.stdout.startswith("database_url: another database is in use"), done.stderr
    assert (tmp_path / "here" / "mine.db").stat().st_size > 100_000


@pytest.mark.parametrize(
    ("given", "field"),
    [
        # In two parts, since newer Pythons show the line that raised.
        ('database_url="mysql://u:se" "cret@h/d"', "database_url"),
        ("pool_size=0", "pool_size"),
        ("poll_seconds=0", "poll_seconds"),
        ("poll_seconds=[]", "poll_seconds"),
        ("pool_size=True", "pool_size"),
        ("name=7", "name"),
        ("database_url=7", "database_url"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, given: str, field: str) -> None:
    done = _python(f"import timestep; timestep.configure_dbos({given})", tmp_path)
    last = done.stderr.strip().splitlines()[-1]
    assert f"InvalidInput: {field}: " in last
    assert "secret" not in done.stderr


def test_the_environment_names_label_and_executor(engine: Installation, tmp_path: Path) -> None:
    code = """
from timestep import configure_dbos, ensure_dbos_launched
configure_dbos(); ensure_dbos_launched()
from timestep.models import Worker
print(Worker.objects.latest("started_at").worker_id)
"""
    own = engine.stack.environment
    names = {"TIMESTEP_EXECUTOR_ID": "night-shift", "TIMESTEP_POOL_SIZE": "3"}
    if uri := own.get("PG_CONNECTION_URI"):
        names["PG_CONNECTION_URI"] = uri
    done = _python(code, engine.stack.home, **names)
    assert done.stdout.startswith("night-shift-"), done.stderr


def test_the_end_waits_for_threads_and_is_not_that_of_a_fork(engine: Installation) -> None:
    code = """
import asyncio, multiprocessing, threading, time
from agents import Agent
from timestep import configure_dbos, ensure_dbos_launched, run_agent_workflow
agent = Agent(name="a", model="demo/instant")
def work():
    configure_dbos(); ensure_dbos_launched()
    forked = multiprocessing.get_context("fork").Process(target=bool)
    forked.start(); forked.join()
    time.sleep(0.5)
    print(asyncio.run(run_agent_workflow(agent, "hello")).status, forked.exitcode)
    from timestep.models import Worker
    print(Worker.objects.latest("started_at").stopped_at)
threading.Thread(target=work).start()
"""
    uri = engine.stack.environment.get("PG_CONNECTION_URI")
    own = {} if uri is None else {"PG_CONNECTION_URI": uri}
    done = _python(code, engine.stack.home, **own)
    assert (done.stdout.split(), done.stderr) == (["succeeded", "0", "None"], "")
