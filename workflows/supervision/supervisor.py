"""Keeps the children running until someone says stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

from timestep import conf
from workflows.supervision.children import Child
from workflows.supervision.terminal import Terminal

TICK_S = 0.1
# A worker needs this long to hand back what it has not finished; a web process is quicker.
HAND_BACK_S = 5.0
REMIND_AFTER_S = 20.0
# What the children write as they get ready comes first, so that our words are the last ones.
SETTLE_S = 0.3


class Supervisor:
    """Starts children, restarts them, says when all is ready, and stops them.

    Args:
        children: What to keep running.
        missing: Says what is not ready yet, in words; empty when all is.
        on_ready: Called once, when nothing is missing for the first time.
    """

    def __init__(
        self,
        children: Sequence[Child],
        terminal: Terminal,
        missing: Callable[[], str],
        on_ready: Callable[[], None],
    ) -> None:
        self._children = children
        self._terminal = terminal
        self._missing = missing
        self._on_ready = on_ready
        self._stop = threading.Event()
        self._stop_now = threading.Event()

    def run(self) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP; then stop every child and return.

        Raises:
            StartRefused: A child cannot start; the others have been stopped.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            for child in self._children:
                child.start()
            self._watch()
        finally:
            self._stop_children()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """The first signal stops in order, the second at once."""
        if self._stop.is_set():
            self._stop_now.set()
        self._stop.set()

    def _watch(self) -> None:
        ready = False
        remind_at = time.monotonic() + REMIND_AFTER_S
        while not self._stop.wait(TICK_S):
            for child in self._children:
                child.keep_running()
            if ready:
                continue
            missing = self._missing()
            if not missing:
                ready = True
                self._stop.wait(SETTLE_S)
                self._on_ready()
            elif time.monotonic() >= remind_at:
                self._terminal.say("up", f"still waiting: {missing}")
                remind_at = time.monotonic() + REMIND_AFTER_S

    def _stop_children(self) -> None:
        self._terminal.say("up", "stopping; again to stop at once")
        for child in self._children:
            child.send(signal.SIGTERM)
        deadline = time.monotonic() + conf.drain_seconds() + HAND_BACK_S
        while any(child.running() for child in self._children):
            if time.monotonic() >= deadline or self._stop_now.wait(TICK_S):
                self._kill()
                break
        self._terminal.say("up", "stopped")

    def _kill(self) -> None:
        for child in self._children:
            if child.running():
                self._terminal.say("up", f"{child.name} did not stop; killing it")
                child.send(signal.SIGKILL)
