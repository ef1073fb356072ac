"""Python processes that begin with the large libraries imported.

Importing them takes a second or three of a core, and the tests start hundreds of processes. One
process, the parent, imports them and then forks whatever a test starts: a process like any other,
which is killed like any other. It has no threads, and imports nothing that reads the environment
for what a test sets there, Django's settings above all.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_LARGE = (
    "agents",
    "agents.extensions.memory",
    "agents.mcp",
    "croniter",
    "dbos",
    "django.core.management",
    "django.db.models",
    "jsonschema",
    "psycopg",
)
_POLL_S = 0.01
_LARGEST = 1 << 20


class WarmProcess:
    """A process that `start` made; of `subprocess.Popen`, what tests need."""

    def __init__(self, parent: _Parent, pid: int) -> None:
        self._parent = parent
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, or None while it lives."""
        if self.returncode is None:
            self.returncode = self._parent.ask({"ended": self.pid})["code"]
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
            time.sleep(_POLL_S)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal to it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send it SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send it SIGKILL."""
        self.send_signal(signal.SIGKILL)


def start(
    words: Sequence[str],
    env: Mapping[str, str],
    files: tuple[int, int, int],
    cwd: Path | None = None,
) -> WarmProcess:
    """Start what `python <words>` would: a script's path or `-m` and a module, and arguments.

    Args:
        words: What follows the interpreter.
        env: The whole environment.
        files: Its standard input, output and error output.
        cwd: Where it is started; where the test is, if not given.
    """
    parent = _parent()
    order = {"words": list(words), "env": dict(env), "cwd": str(cwd or Path.cwd())}
    return WarmProcess(parent, parent.ask(order, files)["pid"])


class _Parent:
    """The process that forks, and the line to it."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._asking = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-u", "-m", __name__, str(theirs.fileno())],
                cwd=Path(__file__).resolve().parent.parent,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def ask(self, what: Mapping[str, Any], files: Sequence[int] = ()) -> dict[str, Any]:
        with self._asking:
            socket.send_fds(self._line, [json.dumps(what).encode()], list(files))
            answer: dict[str, Any] = json.loads(self._line.recv(_LARGEST))
        return answer

    def end(self) -> None:
        self._line.close()
        self._process.wait()


@functools.cache
def _parent() -> _Parent:
    made = _Parent()
    atexit.register(made.end)
    return made


def _serve(line: socket.socket) -> dict[str, Any]:
    """Fork until the tests have ended; in a process that was forked, what it shall run."""
    for name in _LARGE:
        importlib.import_module(name)
    while True:
        text, files, _, _ = socket.recv_fds(line, _LARGEST, 3)
        if not text:
            os._exit(0)
        asked = json.loads(text)
        if "ended" in asked:
            pid, status = os.waitpid(asked["ended"], os.WNOHANG)
            answer = {"code": os.waitstatus_to_exitcode(status) if pid else None}
        elif pid := os.fork():
            answer = {"pid": pid}
        else:
            line.close()
            return _settled(asked, files)
        for file in files:
            os.close(file)
        line.send(json.dumps(answer).encode())


def _settled(order: dict[str, Any], files: list[int]) -> dict[str, Any]:
    """Make this process what the order says, as far as that is not Python's own doing."""
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    return order


def _run(order: dict[str, Any]) -> None:
    """What `python <words>` does once it has started."""
    words: list[str] = order["words"]
    module = words[0] == "-m"
    sys.argv = words[1:] if module else words
    first = order["cwd"] if module else str(Path(words[0]).resolve().parent)
    more = [path for path in order["env"].get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = [first, *more]
    if module:
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    _run(_serve(socket.socket(fileno=int(sys.argv[1]))))
