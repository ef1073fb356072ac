"""`manage.py up`, from end to end, in real processes."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import signal
import socket
import sqlite3
import time
import urllib.parse
import urllib.request
from collections.abc import Callable

import pytest

from tests.ops.test_supervisor import is_running
from tests.stack import Stack

pytestmark = pytest.mark.timeout(180)


def children_of(stack: Stack) -> dict[str, int]:
    """Name → process id of what `up` runs now."""
    pid = stack.processes["up"].pid
    with open(f"/proc/{pid}/task/{pid}/children") as file:  # noqa: PTH123
        pids = [int(word) for word in file.read().split()]
    names = {}
    for child in pids:
        with open(f"/proc/{child}/cmdline") as file:  # noqa: PTH123
            names["web" if "\0web\0" in file.read() else "worker"] = child
    return names


def eventually(true: Callable[[], object], within: float = 30) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def sign_in(stack: Stack) -> str:
    """Sign in as a browser would; the address where it ends."""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    browser.open(f"{stack.url}/accounts/login/").close()
    token = next(cookie.value for cookie in jar if cookie.name == "csrftoken")
    form = {"username": "admin", "password": "correct-horse", "csrfmiddlewaretoken": token}
    data = urllib.parse.urlencode(form).encode()
    with browser.open(f"{stack.url}/accounts/login/", data) as answer:
        url: str = answer.url
    return url


def test_one_command_starts_everything_and_stops_it(stack: Stack) -> None:
    stack.start_all()
    assert stack.log("up").endswith(
        f"\nTimestep is ready at {stack.url}/\n"
        "Sign in as admin with the password in TIMESTEP_ADMIN_PASSWORD\n"
    )
    assert stack.readiness()["status"] == "ok"
    assert sign_in(stack) == f"{stack.url}/"
    pids = children_of(stack)
    assert set(pids) == {"web", "worker"}
    assert stack.kill("up", signal.SIGTERM) == 0
    assert not any(is_running(pid) for pid in pids.values())
    assert stack.log("up").endswith("up | stopped\n")
    assert "Traceback" not in stack.log("up")


def counts(stack: Stack) -> list[int]:
    code = (
        "from django.contrib.auth.models import User; from workflows.models import *;"
        "print([m.objects.count() for m in (User, AgentDefinition, AgentVersion, Schedule)])"
    )
    read: list[int] = json.loads(stack.manage("shell", "-v0", "-c", code).stdout)
    return read


@pytest.mark.sqlite_only
def test_children_are_restarted_and_die_with_their_parent(stack: Stack) -> None:
    stack.start_all()
    first = children_of(stack)
    for name, pid in first.items():
        os.kill(pid, signal.SIGKILL)
        stack.wait_for_log("up", f"up | {name} was ended by SIGKILL; starting it again in 1 s")
    eventually(lambda: len(children_of(stack)) == 2)
    stack.wait_ready()
    second = children_of(stack)
    assert not set(first.values()) & set(second.values())
    before = counts(stack)
    stack.kill("up", signal.SIGKILL)
    eventually(lambda: not any(is_running(pid) for pid in second.values()))
    (stack.home / "up.log").unlink()
    stack.start_all()
    assert counts(stack) == before  # the second start creates nothing twice
    assert before[:2] == [1, 3]


def refusal(stack: Stack, *words: str) -> str:
    """The one line with which `up` refuses to start."""
    done = stack.manage("up", *words, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"error: [^\n]+\n", done.stderr), done.stderr
    assert "Traceback" not in done.stdout
    return done.stderr


@pytest.mark.sqlite_only
def test_a_taken_port(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", stack.port)):
        said = refusal(stack, "--port", str(stack.port))
    assert f"port {stack.port} on 127.0.0.1 is taken" in said


@pytest.mark.sqlite_only
def test_no_port(stack: Stack) -> None:
    assert "--port 'http' is no port" in refusal(stack, "--port", "http")


@pytest.mark.sqlite_only
def test_a_database_file_that_cannot_be_written(stack: Stack) -> None:
    (stack.home / "timestep.sqlite3").mkdir()
    assert "unable to open database file" in refusal(stack)


@pytest.mark.sqlite_only
def test_a_server_out_of_reach(stack: Stack) -> None:
    stack.postgres_uri = f"postgresql://u:hunter2@127.0.0.1:{stack.port}/d"
    said = refusal(stack)
    assert "PG_CONNECTION_URI" in said
    assert "Connection refused" in said
    assert "hunter2" not in said


@pytest.mark.sqlite_only
def test_tools_that_cannot_be_imported(stack: Stack) -> None:
    stack.extra["TIMESTEP_TOOLS"] = "no_such_module"
    assert "no_such_module" in refusal(stack)


@pytest.mark.sqlite_only
def test_a_web_process_on_a_taken_port(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", stack.port)):
        done = stack.manage("web", "--port", str(stack.port), check=False)
    assert done.returncode == 1
    assert "is taken" in done.stderr


@pytest.mark.sqlite_only
def test_a_worker_that_cannot_start_ends_all_with_its_reason(stack: Stack) -> None:
    stack.manage("migrate")
    with sqlite3.connect(stack.home / "timestep.sqlite3") as database:
        database.execute("DROP TABLE queues")
    up = stack.start("up")
    assert up.wait(120) == 1
    assert re.search(r"\nerror: worker cannot start: .*no such table.*\n$", stack.log("up"))
    assert stack.log("up").count("starting it again") == 2
    assert "Traceback" not in stack.log("up")
