"""A web app of several processes whose runs go on by themselves after it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.campaign.installation import Installation, until
from tests.stack import ROOT, free_port
from timestep.models import Run, RunEvent, Worker

# The orders' module is imported after the launch, and by no name in a row.
APP = """
from timestep import configure_dbos, ensure_dbos_launched, queue_agent_workflow

configure_dbos(name="desk-app")


def made():
    from shop.clerks import make_clerk

    return make_clerk()


async def app(scope, receive, send):
    while scope["type"] == "lifespan":
        kind = (await receive())["type"]
        if kind == "lifespan.startup":
            ensure_dbos_launched()
            import shop.clerks
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
    name = scope["path"].strip("/")
    if name:
        queue_agent_workflow(made(), "please add 2 and 3", workflow_id=name)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
"""
CLERKS = """
from agents import Agent
from shop.orders import add


def brief(context, agent):
    return "Add."


def make_clerk():
    helper = Agent(name="helper", model="demo/fast", handoffs=[], tools=[add])
    asks = helper.as_tool("ask_helper", "Asks.")
    return Agent(name="clerk", model="demo/fast", instructions=brief, tools=[add, asks])
"""
ORDERS = """
import asyncio, os
from agents import function_tool


@function_tool
async def add(a: int, b: int) -> int:
    '''Add two numbers.'''
    with open("calls.txt", "a") as file:
        file.write(f"{os.getpid()}\\n")
    while not os.path.exists("go-on"):
        await asyncio.sleep(0.05)
    return a + b
"""
GOES_ON_WITHIN_S = 5.0


class App:
    """The app on an installation, in a directory of its own."""

    def __init__(self, engine: Installation, home: Path) -> None:
        self.home, self._port = home, free_port()
        (home / "shop").mkdir()
        for name, text in {"webapp": APP, "shop/clerks": CLERKS, "shop/orders": ORDERS}.items():
            (home / f"{name}.py").write_text(text)
        environment = {k: v for k, v in engine.stack.environment.items() if k[:6] != "DJANGO"}
        own = {"TIMESTEP_CODE": "", "TIMESTEP_TOOLS": "", "PYTHONPATH": f"{ROOT}:{home}"}
        self._environment = environment | own
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, workers: int) -> None:
        """Start it, and wait until it answers."""
        words = ["webapp:app", "--workers", str(workers), "--port", str(self._port)]
        with (self.home / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", *words],
                cwd=self.home,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        until(lambda: self.ask(""), 180, "the app answers", pause=0.1)

    def ask(self, path: str) -> bool:
        """Whether it answered."""
        with suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{path}", timeout=60).close()
            return True
        return False

    def callers(self) -> list[int]:
        """The processes in which the tool was called, once for each call."""
        path = self.home / "calls.txt"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def go_on(self) -> None:
        """Let the tool answer from here on."""
        (self.home / "go-on").touch()

    def kill(self) -> None:
        """Kill all of its processes."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def app(engine: Installation, tmp_path: Path) -> Iterator[App]:
    made = App(engine, tmp_path)
    yield made
    made.kill()


def _called(engine: Installation, app: App, *names: str) -> list[Run]:
    """Runs that are in the middle of their tool."""
    assert all(app.ask(name) for name in names)
    until(lambda: len(app.callers()) == len(names), 60, "all are in their tool")
    return [engine.run_of(name) for name in names]


def _taken_after(run: Run) -> float:
    """How many seconds after its launch a process has taken a run over."""
    taken = RunEvent.objects.filter(run=run, kind="segment.started").order_by("seq")[1]
    by = Worker.objects.get(pk=taken.payload["worker"])
    return (taken.at - by.started_at).total_seconds()


def test_runs_of_a_killed_web_app_go_on_once_it_is_launched_again(
    engine: Installation, app: App
) -> None:
    workers = 1 if engine.stack.postgres_uri is None else 2
    app.start(workers)
    runs = _called(engine, app, "order-1", "order-2", "order-3")
    app.kill()
    app.go_on()
    app.start(workers)
    for run in runs:
        ended = engine.wait(run, "succeeded", "failed")
        assert (ended.status, ended.takeovers, ended.label) == ("succeeded", 1, "desk-app")
        assert _taken_after(run) < GOES_ON_WITHIN_S
    assert len(app.callers()) == 2 * len(runs)


def test_what_one_process_of_an_app_had_goes_on_in_another(engine: Installation, app: App) -> None:
    if engine.stack.postgres_uri is None:
        pytest.skip("on SQLite an app has one process")
    app.start(2)
    [run] = _called(engine, app, "single")
    os.kill(app.callers()[0], signal.SIGKILL)
    app.go_on()
    ended = engine.wait(run, "succeeded", "failed", within=60)
    assert (ended.status, ended.takeovers, len(app.callers())) == ("succeeded", 1, 2)
