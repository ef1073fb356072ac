"""While an SQLite file cannot be written to, DBOS's writes wait here instead of failing their runs.

DBOS tries again what a lost connection failed, a full disk it takes for the run's own error: a
step whose tool had been called would be lost. And its pauses grow to a minute and more.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from timestep.outages import Outage, outage

logger = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 0.25
# What SQLite adds to its log at once is a page or a few.
_TRIED_BYTES = 64 * 1024


class Room:
    """Whether this process waits for room; it does so from its launch to its end."""

    def __init__(self) -> None:
        self._ends = threading.Event()
        self._ends.set()
        self._lock = threading.Lock()
        self._waiting = 0
        self._tell: Callable[[bool], None] = lambda _lacking: None

    def await_from_now(self, tell: Callable[[bool], None] = lambda _lacking: None) -> None:
        """Let writes wait: this process executes.

        Args:
            tell: Called with True once a write waits for room, and with False once none does.
        """
        self._tell = tell
        self._ends.clear()
        if not event.contains(Engine, "handle_error", self._on_error):
            event.listen(Engine, "handle_error", self._on_error)

    def await_no_more(self) -> None:
        """Let them fail, also those that wait: this process ends, and others go on."""
        self._ends.set()

    def _on_error(self, context: ExceptionContext) -> None:
        """Wait for room, then let DBOS take the write for one that a lost connection failed."""
        error = context.original_exception
        if self._ends.is_set() or not _keeps_from_writing(error):
            return
        context.is_disconnect = True
        _give_up_the_lock(context)
        # A program's own asynchronous sessions come through here, too; the loop must go on.
        if asyncio._get_running_loop() is None and context.engine is not None:
            logger.warning("what runs have done waits to be written: %s", error)
            self._wait(Path(str(context.engine.url.database)).parent)

    def _wait(self, directory: Path) -> None:
        with self.lacking():
            while not self._ends.is_set() and not _takes_writes(directory):
                self._ends.wait(_LOOK_EVERY_SECONDS)

    @contextmanager
    def lacking(self) -> Iterator[None]:
        """While a write waits for room."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        """Count a write that waits; told under the lock, so that the last word is the true one."""
        with self._lock:
            before, self._waiting = self._waiting, self._waiting + more
            if not before or not self._waiting:
                self._tell(self._waiting > 0)


ROOM = Room()


def _keeps_from_writing(error: BaseException) -> bool:
    if not isinstance(error, sqlite3.OperationalError):
        return False
    found = outage(error)
    return found in (Outage.FULL, Outage.READ_ONLY) or str(error).startswith("disk I/O error")


def _give_up_the_lock(context: ExceptionContext) -> None:
    """Nobody else could write while this transaction waits with the file's only write lock."""
    if context.connection is None or context.connection.invalidated:
        return
    raw: Any = context.connection.connection.dbapi_connection
    if isinstance(raw, sqlite3.Connection):
        with suppress(sqlite3.Error):  # SQLite has done so by itself.
            raw.rollback()


def _takes_writes(directory: Path) -> bool:
    """By trying: a quota, too, can be what is used up."""
    try:
        with tempfile.TemporaryFile(dir=directory) as trial:
            trial.write(bytes(_TRIED_BYTES))
    except OSError:
        return False
    return True
