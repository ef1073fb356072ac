"""A program that dies: its runs go on, in the next start of it or in a worker."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaign.double import call, script
from tests.campaign.installation import Installation, until
from tests.library.program import Program
from tests.stack import ROOT
from timestep.models import RunEvent

# Longer than the lease, the sweep and the poll behind it.
TAKEN_OVER_WITHIN_S = 25.0

SCRIPT = """
import asyncio, os, sys
from agents import Agent, function_tool
from timestep import configure_dbos, ensure_dbos_launched, run_agent_workflow


@function_tool
async def note(text: str) -> str:
    with open("notes.txt", "a") as file:
        file.write(text + "\\n")
    if not os.path.exists("second-start"):
        os.kill(os.getpid(), 9)
    return "noted " + text


agent = Agent(name="main-agent", model="gpt-test", tools=[note])


async def main():
    configure_dbos()
    ensure_dbos_launched()
    result = await run_agent_workflow(agent, "jot it down", workflow_id="main-1")
    print(result.output)


asyncio.run(main())
"""


def _run_script(engine: Installation, path: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in engine.stack.environment.items() if k[:6] != "DJANGO"}
    return subprocess.run(
        [sys.executable, str(path)],
        env=environment | {"PYTHONPATH": str(ROOT)},
        cwd=path.parent,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_what_lives_in_the_script_is_recovered_by_the_same_script(
    engine: Installation, tmp_path: Path
) -> None:
    turn = {"calls": [call("note", text="milk")]}
    engine.double.says(script("jot it down", turn, {"text": "done: {outputs}"}))
    path = tmp_path / "shopping.py"
    path.write_text(SCRIPT)
    died = _run_script(engine, path)
    assert died.returncode == -signal.SIGKILL, died.stderr
    (tmp_path / "second-start").touch()
    done = _run_script(engine, path)
    assert (done.returncode, done.stdout) == (0, "done: noted milk\n"), done.stderr
    assert (tmp_path / "notes.txt").read_text() == "milk\nmilk\n"
    assert [request["turn"] for request in engine.double.requests("jot it down")] == [0, 1]


def test_a_killed_programs_run_goes_on_in_a_worker(engine: Installation) -> None:
    turn = {"calls": [call("fetch", tag="w", seconds=6)]}
    engine.double.says(script("hand me over", turn, {"text": "in the end {outputs}"}))
    doomed = Program(engine).ready()
    doomed.begin("run", agent="worker", input_items="hand me over", workflow_id="handed-1")
    run = engine.run_of("handed-1")
    engine.event(run, "tool.started")
    doomed.kill()
    engine.stack.extra["TIMESTEP_CODE"] = "tests"
    engine.start_worker("successor")
    ended = engine.wait(run, "succeeded", "failed", within=TAKEN_OVER_WITHIN_S + 20)
    assert ended.status == "succeeded", ended.error
    assert "in the end" in str(ended.final_output)
    assert [request["turn"] for request in engine.double.requests("hand me over")] == [0, 1]
    assert RunEvent.objects.filter(run=run, kind="worker.lost").count() == 1


def test_a_worker_that_may_not_import_the_code_leaves_the_run_alone(engine: Installation) -> None:
    turn = {"calls": [call("fetch", tag="x", seconds=30)]}
    engine.double.says(script("not for you", turn, {"text": "ended"}))
    doomed = Program(engine).ready()
    doomed.begin("run", agent="worker", input_items="not for you", workflow_id="foreign-1")
    run = engine.run_of("foreign-1")
    engine.event(run, "tool.started")
    doomed.kill()
    engine.kill("successor")
    engine.stack.extra["TIMESTEP_CODE"] = ""
    engine.stack.extra["TIMESTEP_TOOLS"] = ""
    engine.ready("stranger")
    engine.event(run, "worker.lost", within=TAKEN_OVER_WITHIN_S)
    with pytest.raises(AssertionError, match="not within"):
        until(lambda: engine.run(run.run_id).status != "queued", 4, "somebody takes it")
    engine.kill("stranger")


def test_a_program_ends_promptly_and_leaves_nothing_alive(engine: Installation) -> None:
    program = Program(engine).ready()
    program.call("run", agent="adder", input_items="add 1 and 1")
    assert program.close() == 0
    assert not Path(f"/proc/{program.process.pid}").exists()
    assert "Traceback" not in program.log()
