"""The processes that `up` starts, and how each is kept running and stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from timestep.outages import TRY_AGAIN
from workflows.supervision import bound
from workflows.supervision.errors import StartRefused
from workflows.supervision.terminal import Output, Terminal

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
# A child that ran this long was well: its next pause is short again.
WELL_AFTER_S = 30.0
# So many starts in a row that came to nothing are not mended by another one.
MOST_FAILED_STARTS = 3
LOOK_EVERY_S = 1.0


def manage_command(*words: str) -> list[str]:
    """The command line of one of our own commands, in this Python."""
    script = Path(settings.BASE_DIR) / "manage.py"
    if script.is_file():
        return [sys.executable, str(script), *words]
    return [sys.executable, "-m", "timestep_site.command", *words]


class Child:
    """One process in a process group of its own, started again when it dies.

    Args:
        name: Stands before each of its lines.
        command: Its whole command line.
        environment: Its whole environment.
        terminal: Where its output and news about it go.
        does_its_work: Whether the process that runs now has got so far; asked until it has.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str],
        terminal: Terminal,
        does_its_work: Callable[[Child], bool] = lambda _: False,
    ) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._terminal = terminal
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._pause_s = FIRST_PAUSE_S
        self._start_again_at: float | None = None
        self._does_its_work = does_its_work
        self._well = False
        self._look_at = 0.0
        self._failed_starts = 0
        self._output: Output | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process. Call it in the main thread: the process ends with that thread."""
        binder = [sys.executable, "-I", "-S", bound.__file__, str(os.getpid()), "--"]
        self._process = subprocess.Popen(
            [*binder, *self._command],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._started_at = self._look_at = time.monotonic()
        self._start_again_at, self._well = None, False
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        self._output = self._terminal.follow(self.name, self._process.stdout)

    def keep_running(self) -> None:
        """Notice the process's death and start it again after its pause.

        Raises:
            StartRefused: It has ended by itself before it could do its work, so many times in a
                row that it will not start at all; with its last words.
        """
        if self._process is not None and self._process.poll() is not None:
            self._look_at_the_end(self._process.returncode)
        elif self._process is not None:
            self._look_whether_well()
        if self._start_again_at is not None and time.monotonic() >= self._start_again_at:
            self.start()

    def _look_whether_well(self) -> None:
        now = time.monotonic()
        if self._well or now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY_S
        self._well = self._does_its_work(self)
        if self._well:
            self._failed_starts = 0

    def _look_at_the_end(self, code: int) -> None:
        """Who was killed, or waits for what is away, is started again; who cannot start is not."""
        could_not_start = code > 0 and code != TRY_AGAIN and not self._well
        self._failed_starts = self._failed_starts + 1 if could_not_start else 0
        if self._failed_starts >= MOST_FAILED_STARTS:
            self._process = None
            said = self._output.last_words() if self._output else ""
            raise StartRefused(f"{self.name} cannot start: {said or how_it_ended(code)}")
        self._plan_restart(code)

    def _plan_restart(self, code: int) -> None:
        if time.monotonic() - self._started_at >= WELL_AFTER_S:
            self._pause_s = FIRST_PAUSE_S
        how = how_it_ended(code)
        self._terminal.say("up", f"{self.name} {how}; starting it again in {self._pause_s:g} s")
        self._start_again_at = time.monotonic() + self._pause_s
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self._process = None

    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process and everything that it started."""
        self._start_again_at = None
        if self._process is None or self._process.poll() is not None:
            return
        with suppress(ProcessLookupError):  # it may end in between
            os.killpg(self._process.pid, number)


def how_it_ended(code: int) -> str:
    """Words for an exit code as `subprocess` gives it."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
