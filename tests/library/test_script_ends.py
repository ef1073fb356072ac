"""Scripts that queue runs of a tool in their own file and end at once, in every way there is."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.campaign.installation import Installation, until
from tests.stack import ROOT
from timestep.models import Run
from workflows.doctor import programs
from workflows.doctor.findings import Finding
from workflows.selectors.why import why

SCRIPT = """
import asyncio, os, signal, sys
from agents import Agent, function_tool
from timestep import configure_dbos, ensure_dbos_launched, queue_agent_workflow


@function_tool
async def add(a: int, b: int) -> int:
    '''Add two numbers.'''
    await asyncio.sleep(float(os.environ["SECONDS"]))
    return a + b


agent = Agent(name="adder", model="demo/fast", instructions="Add.", tools=[add])
configure_dbos()
ensure_dbos_launched()
for number in range(int(os.environ["RUNS"])):
    name = f"{os.environ['NAME']}-{number}"
    queue_agent_workflow(agent, "please add 2 and 3", workflow_id=name)
"""
ENDS = {
    "falls": ("", 0),
    "exits": ("sys.exit(3)", 3),
    "raises": ("raise RuntimeError('no')", 1),
    "leaves": ("os._exit(4)", 4),
    "interrupted": ("signal.raise_signal(signal.SIGINT)", -signal.SIGINT),
    "terminated": ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
}


def _python(
    engine: Installation, *words: str, name: str, runs: int = 1, seconds: float = 0, **more: Any
) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in engine.stack.environment.items() if k[:6] != "DJANGO"}
    asked = {"NAME": name, "RUNS": str(runs), "SECONDS": str(seconds), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *words],
        env=environment | asked,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **more,
    )


def _statuses(name: str) -> set[str]:
    return set(Run.objects.filter(pk__startswith=f"{name}-").values_list("status", flat=True))


@pytest.mark.sqlite_only
@pytest.mark.parametrize("end", ENDS)
def test_what_a_script_queued_last_is_finished_now_or_at_its_next_start(
    engine: Installation, tmp_path: Path, end: str
) -> None:
    _ends_and_starts_again(engine, tmp_path, end)


@pytest.mark.postgres_only
@pytest.mark.parametrize("end", ["falls", "killed"])
def test_on_postgres_too(engine: Installation, tmp_path: Path, end: str) -> None:
    _ends_and_starts_again(engine, tmp_path, end)


def _ends_and_starts_again(engine: Installation, tmp_path: Path, end: str) -> None:
    words, code = ENDS[end]
    path = tmp_path / f"{end}.py"
    path.write_text(SCRIPT + words)
    ended = _python(engine, str(path), name=end, runs=4)
    # Python forgets that it was interrupted where an exit hook makes code of a text, and says 1.
    assert ended.returncode in (code, 1 if end == "interrupted" else code), ended.stderr
    assert "failed" not in _statuses(end)
    path.write_text(SCRIPT)
    again = _python(engine, str(path), name=end, runs=1)
    assert again.returncode == 0, again.stderr
    assert _statuses(end) == {"succeeded"}


@pytest.mark.sqlite_only
@pytest.mark.parametrize("how", ["relative", "linked", "module"])
def test_a_script_is_the_same_however_it_is_started(
    engine: Installation, tmp_path: Path, how: str
) -> None:
    path = tmp_path / "started.py"
    path.write_text(SCRIPT + "os._exit(0)")
    (tmp_path / "linked.py").symlink_to(path)
    first = {"relative": ["started.py"], "linked": ["linked.py"], "module": ["-m", "started"]}
    _python(engine, *first[how], name=how, runs=3, cwd=tmp_path)
    path.write_text(SCRIPT)
    _python(engine, str(path), name=how, runs=3, cwd="/")
    assert _statuses(how) == {"succeeded"}


def test_what_is_cut_off_at_the_end_is_queued_and_not_running(
    engine: Installation, tmp_path: Path
) -> None:
    path = tmp_path / "slow.py"
    path.write_text(SCRIPT)
    ended = _python(engine, str(path), name="slow", seconds=60)
    assert _statuses("slow") == {"queued"}
    assert f"1 run is left queued (slow-0): the agent lives in {path}. Start" in ended.stderr
    _python(engine, str(path), name="slow", seconds=0)
    assert _statuses("slow") == {"succeeded"}


def _doctor() -> str:
    return str([one.said + (one.mend or "") for one in _found()])


def _found() -> list[Finding]:
    return list(programs.of_programs([]))


@pytest.mark.sqlite_only
@pytest.mark.parametrize("words", [["-c", SCRIPT], ["-"]])
def test_what_a_session_without_a_file_leaves_says_so_everywhere(
    engine: Installation, words: list[str]
) -> None:
    kind = {"-c": "python -c", "-": "standard input"}[words[0]]
    more: dict[str, Any] = {"input": SCRIPT} if words == ["-"] else {}
    ended = _python(engine, *words, name=f"session{words[0]}", seconds=60, **more)
    run = engine.run(f"session{words[0]}-0")
    assert run.status == "queued"
    assert "which has no file and ends here" in ended.stderr
    reasons = until(lambda: why(Run.objects.select_related("spec").get(pk=run.pk)), 5, "reasons")
    assert f"lives in <{kind}, process " in reasons[0].text
    assert "cancel this run" in reasons[0].text
    assert "has no file" in _doctor()
    assert run.run_id in _doctor()


@pytest.mark.sqlite_only
def test_a_session_without_a_file_executes_what_it_queues(engine: Installation) -> None:
    ended = _python(engine, "-c", SCRIPT, name="prompt", runs=3)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert _statuses("prompt") == {"succeeded"}
