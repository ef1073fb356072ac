"""A real database, real workers and the double, watched through Django in this process."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psycopg
import pytest
from agents import Agent, RunConfig
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import connection

from approvals.models import ApprovalRequest, RequestStatus
from tests.campaign import journal
from tests.campaign.double import Double, Json
from tests.databases import _replace, postgres_database
from tests.stack import Stack, free_port
from tests.twice import tries
from timestep import conf
from timestep.engine.travel import describe
from timestep.models import CatalogueTool, Run, RunEvent, Worker
from timestep.services.launch import launch
from timestep.services.specs import store_spec

TOOLS_MODULE = "tests.campaign.tools"
CODE = "tests.campaign"
KEY = "sk-test-0123456789abcdef"
READY_WITHIN_S = 60.0
T = TypeVar("T")


def until(look: Callable[[], T | None], within: float, what: str, pause: float = 0.03) -> T:
    """The first true value that `look` returns; fails after `within` seconds."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(pause)
    return found


class Installation:
    """What the tests of the engine work with. Made by `installation()`."""

    def __init__(self, stack: Stack, double: Double) -> None:
        self.stack = stack
        self.double = double
        self.journal_path = stack.home / "journal.jsonl"
        # Where a test that needs one serves MCP over HTTP.
        self.mcp_url = f"http://127.0.0.1:{free_port()}/"
        stack.extra |= {
            "TIMESTEP_TOOLS": TOOLS_MODULE,
            "TIMESTEP_CODE": CODE,
            "TIMESTEP_MCP": f"{sys.executable},{self.mcp_url}",
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": double.url,
            journal.VARIABLE: str(self.journal_path),
        }

    # Workers

    def start_worker(self, name: str = "worker") -> int:
        """Start a worker without waiting for it; its process id."""
        return self.stack.start("worker", name=name).pid

    def worker(self, name: str = "worker", *, within: float = READY_WITHIN_S) -> Worker:
        """The row of a worker that was started, once it executes."""
        process = self.stack.processes[name]

        def look() -> Worker | None:
            assert process.poll() is None, f"{name} ended:\n{self.stack.log(name)[-3000:]}"
            return Worker.objects.filter(pid=process.pid, stopped_at__isnull=True).first()

        found = until(look, within, f"{name} registers")
        self.stack.wait_for_log(name, found.worker_id + " executes", within)
        return found

    def ready(self, name: str = "worker") -> Worker:
        """A worker that executes: the one of this name, or a new one."""
        process = self.stack.processes.get(name)
        if process is None or process.poll() is not None:
            self.stack.processes.pop(name, None)
            self.start_worker(name)
        return self.worker(name)

    def ended(self, name: str, within: float = 30.0) -> int:
        """Wait until a worker has ended by itself; its exit code."""
        return self.stack.processes.pop(name).wait(within)

    def kill(self, name: str = "worker") -> float:
        """Kill a worker with SIGKILL; the time at which it was gone."""
        self.stack.kill(name, signal.SIGKILL)
        return time.time()

    def sever_connections(self) -> None:
        """End every session of the Postgres database but our own, as its restart would."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    # Runs

    def launch(self, agents: list[Json], text: str, **options: Any) -> Run:
        """Launch the first of the agents with the others in reach."""
        body = {
            "spec_version": 1,
            "start": agents[0]["slug"],
            "agents": {one["slug"]: one for one in agents},
        }
        return launch(spec=store_spec(body), input=text, agent=agents[0]["slug"], **options)

    def launch_code(
        self, start: Agent[Any], text: str, *, run_config: RunConfig | None = None, **options: Any
    ) -> Run:
        """Launch an agent made in code, which a worker then builds again."""
        body = describe(start, run_config=run_config)
        return launch(spec=store_spec(body), input=text, agent=start.name, **options)

    def run(self, run_id: str) -> Run:
        """The run as it stands."""
        return Run.objects.get(run_id=run_id)

    def run_of(self, run_id: str, within: float = 20.0) -> Run:
        """The run of an id that a program chose, once it is launched."""
        rows = Run.objects.filter(run_id=run_id)
        return until(rows.first, within, f"{run_id} is launched")

    def wait(self, run: Run, *statuses: str, within: float = 30.0) -> Run:
        """The run, once it has one of the statuses."""

        def look() -> Run | None:
            now = self.run(run.run_id)
            return now if now.status in statuses else None

        try:
            return until(look, within, f"{run.run_id} is {' or '.join(statuses)}")
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.described(run)}") from None

    def described(self, run: Run) -> str:
        """All there is to say of a run that did not do what it should."""
        now = self.run(run.run_id)
        segments = list(now.segments.values_list("n", "kind", "state", "worker"))
        events = [f"{e.kind}@{e.step} {str(e.payload)[:200]}" for e in self.events(run)[-15:]]
        logs = [self.stack.log(name)[-3000:] for name in self.stack.processes]
        return "\n".join([f"it is {now.status}: {now.error} {segments}", *events, *logs])

    def events(self, run: Run, kind: str = "") -> list[RunEvent]:
        """The run's events, deltas left out, in order."""
        events = RunEvent.objects.filter(run_id=run.run_id).order_by("seq")
        if kind:
            return list(events.filter(kind=kind))
        return list(events.exclude(kind="model.delta"))

    def event(self, run: Run, kind: str, *, within: float = 20.0, count: int = 1) -> RunEvent:
        """The `count`-th event of a kind, once it is there."""
        found = until(
            lambda: self.events(run, kind)[count - 1 : count],
            within,
            f"{run.run_id} has {count} {kind}; {self.run(run.run_id).status}",
        )
        return found[0]

    def calls(self, tool: str, phase: str, call: str = "") -> list[journal.Entry]:
        """What the journal says of a tool, for calls whose id contains the text."""
        lines = journal.read(self.journal_path)
        return [e for e in lines if (e.tool, e.phase) == (tool, phase) and call in e.call_id]

    def started(self, tool: str, call: str, *, within: float = 20.0) -> journal.Entry:
        """The first start of a tool call, once the tool has begun."""
        return until(lambda: self.calls(tool, "start", call), within, f"{tool} starts")[0]

    def asked(self, run: Run, kind: str = "tool_call") -> list[ApprovalRequest]:
        """What waits for a person in a run."""
        pending = ApprovalRequest.objects.filter(run=run, status=RequestStatus.PENDING, kind=kind)
        return list(pending.order_by("approval_id"))

    def person(self) -> User:
        """Somebody who may decide."""
        found = get_user_model().objects.filter(username="decider").first()
        return found or get_user_model().objects.create_superuser("decider")


def agent(
    slug: str,
    *,
    tools: list[str] | None = None,
    handoffs: list[str] | None = None,
    agent_tools: list[str] | None = None,
    **fields: Any,
) -> Json:
    """An agent of a spec, with the tools as the workers have published them."""
    rows = CatalogueTool.objects.in_bulk(tools or [])
    entries = [
        {
            "name": name,
            "digest": rows[name].schema_digest,
            "needs_approval": rows[name].needs_approval,
            "idempotent": rows[name].idempotent,
        }
        for name in tools or []
    ]
    given = {"slug": slug, "name": slug, "version": 1, "instructions": f"You are {slug}."}
    given |= {"model": "test-model", "model_settings": {}, "output_type": None}
    given |= {"tools": entries, "handoffs": handoffs or [], "agent_tools": agent_tools or []}
    return given | fields


@contextmanager
def installation(home: Path, server_uri: str | None) -> Iterator[Installation]:
    """A migrated installation; everything that it started ends with it.

    Args:
        home: An empty directory.
        server_uri: A Postgres server to make a database on, or None for SQLite.
    """
    with ExitStack() as cleanup:
        uri, model = None, _migrated(server_uri)
        if server_uri is not None:
            like = urlsplit(str(model.postgres_uri)).path.strip("/")
            uri = cleanup.enter_context(postgres_database(server_uri, like))
        shutil.copytree(model.home, home, dirs_exist_ok=True)
        double = cleanup.enter_context(Double())
        stack = Stack(home, uri)
        cleanup.callback(_kill_all, stack)
        yield Installation(stack, double)


@functools.cache
def _migrated(server_uri: str | None) -> Stack:
    """What the installations of this process begin as: migrating each would take seconds."""
    held = ExitStack()
    atexit.register(held.close)
    home = held.enter_context(tempfile.TemporaryDirectory(prefix="timestep-migrated-"))
    uri = None
    if server_uri is not None:
        # The server may have ended before this process does.
        held.enter_context(suppress(psycopg.OperationalError))
        uri = held.enter_context(postgres_database(server_uri))
    stack = Stack(Path(home), uri)
    stack.manage("migrate", timeout=120)
    return stack


@contextmanager
def django_on(stack: Stack) -> Iterator[None]:
    """Point Django in this process at the database of the stack."""
    default = settings.DATABASES["default"]
    before, uri_before = dict(default), os.environ.pop("PG_CONNECTION_URI", None)
    if stack.postgres_uri is not None:
        os.environ["PG_CONNECTION_URI"] = stack.postgres_uri
    _replace(default, conf.database(stack.home))
    try:
        yield
    finally:
        connection.close()
        os.environ.pop("PG_CONNECTION_URI", None)
        if uri_before is not None:
            os.environ["PG_CONNECTION_URI"] = uri_before
        _replace(default, before)


@contextmanager
def for_this_try(request: pytest.FixtureRequest, made: Installation) -> Iterator[Installation]:
    """The installation at a test's first try; at another, one like it.

    What was launched and called before is in the way of a test that looks for its own.
    """
    if tries(request.node) == 1:
        yield made
        return
    home = request.getfixturevalue("tmp_path") / "again"
    home.mkdir()
    uri = request.getfixturevalue("postgres_uri") if made.stack.postgres_uri else None
    with installation(home, uri) as another, django_on(another.stack):
        yield another


def _kill_all(stack: Stack) -> None:
    """End the workers at once: what they would leave in order is of no interest any more."""
    for process in stack.processes.values():
        process.kill()
    for process in stack.processes.values():
        process.wait()
