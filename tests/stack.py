"""Real processes on a real database, for tests from end to end."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import warm

ROOT = Path(__file__).resolve().parent.parent
STOP_WITHIN_S = 20
Process = subprocess.Popen[bytes] | warm.WarmProcess


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


def asynchronous_url(uri: str | None, file: Path) -> str:
    """What SQLAlchemy's asynchronous engine takes: the Postgres database, or an SQLite file."""
    if uri is None:
        return f"sqlite+aiosqlite:///{file}"
    return "postgresql+psycopg://" + uri.partition("://")[2]


def _started(
    words: Sequence[str], env: Mapping[str, str], files: tuple[int, int, int]
) -> subprocess.Popen[bytes]:
    stdin, stdout, stderr = files
    return subprocess.Popen(
        [sys.executable, *words],
        env=env,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


@dataclass
class Stack:
    """One installation: a home, a database, a port, and the processes started for it.

    Each process writes to `<home>/<name>.log`, where `name` is what it was started as.
    """

    home: Path
    postgres_uri: str | None = None
    port: int = field(default_factory=free_port)
    extra: dict[str, str] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What every process of it gets."""
        inherited = {k: v for k, v in os.environ.items() if k not in ("PG_CONNECTION_URI",)}
        own = {
            "TIMESTEP_HOME": str(self.home),
            "DJANGO_SETTINGS_MODULE": "timestep_site.settings",
            "PYTHONUNBUFFERED": "1",
            # Less than `STOP_WITHIN_S`.
            "TIMESTEP_DRAIN_SECONDS": "10",
        }
        if self.postgres_uri:
            own["PG_CONNECTION_URI"] = self.postgres_uri
        return inherited | own | self.extra

    def manage(
        self, *words: str, stdin: str | None = None, check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of `manage.py` to its end."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *words],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done

    def start(self, *words: str, name: str = "") -> Process:
        """Start a command of `manage.py` that goes on, in a process group of its own."""
        name = name or words[0]
        if words[0] in ("web", "up"):
            words = (*words, "--port", str(self.port))
        command = [str(ROOT / "manage.py"), *words]
        with (self.home / f"{name}.log").open("ab") as log, Path(os.devnull).open() as nothing:
            files = (nothing.fileno(), log.fileno(), log.fileno())
            # Only workers import what takes long; the rest starts as it does for users.
            begin = warm.start if words[0] == "worker" else _started
            self.processes[name] = begin(command, self.environment, files)
        return self.processes[name]

    def log(self, name: str) -> str:
        """What a process has written so far."""
        path = self.home / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def get(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """GET a path: status, headers, body."""
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            asking.request("GET", path)
            answer = asking.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            asking.close()

    def start_all(self, timeout: float = 120) -> None:
        """Migrate, publish the tools, install the demo, start web and worker, wait until ready."""
        self.start("up")
        self.wait_for_log("up", "Timestep is ready", timeout)

    def readiness(self) -> dict[str, Any]:
        """What /readyz says; empty while nothing answers."""
        try:
            said: dict[str, Any] = json.loads(self.get("/readyz")[2])
        except (OSError, http.client.HTTPException, ValueError):
            return {}
        return said

    def wait_answering(self, timeout: float = 60) -> None:
        """Wait until the web process answers, ready or not."""
        deadline = time.monotonic() + timeout
        while not self.readiness():
            self._fail_after(deadline, "the web process does not answer")

    def wait_ready(self, timeout: float = 120) -> None:
        """Wait until /readyz answers that all is well."""
        deadline = time.monotonic() + timeout
        while (said := self.readiness()).get("status") != "ok":
            self._fail_after(deadline, f"not ready: {said}")

    def wait_for_log(self, name: str, text: str, timeout: float = 60) -> str:
        """Wait until a process has written the text; its whole log then."""
        deadline = time.monotonic() + timeout
        while text not in (log := self.log(name)):
            process = self.processes[name]
            assert process.poll() is None, f"{name} ended with {process.returncode}:\n{log}"
            self._fail_after(deadline, f"{name} did not write {text!r}")
        return log

    def _fail_after(self, deadline: float, what: str) -> None:
        logs = "\n".join(f"--- {name}\n{self.log(name)[-4000:]}" for name in self.processes)
        assert time.monotonic() < deadline, f"{what}\n{logs}"
        time.sleep(0.05)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to one process alone, and wait for its end; its exit code."""
        process = self.processes.pop(name)
        process.send_signal(number)
        return process.wait(STOP_WITHIN_S)

    def stop(self) -> None:
        """End everything that was started, in order first, then at once."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
