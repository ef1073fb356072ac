"""How a listener learns that there is something to read, on either database."""

from __future__ import annotations

import json
import selectors
import socket
import sqlite3
import threading
import time
from types import TracebackType
from typing import Any, NamedTuple, Protocol

from django.db import connection

from timestep.notify import EVENTS_CHANNEL

SQLITE_POLL_SECONDS = 0.025


class Wake(NamedTuple):
    """What was heard: `everything`, or the runs named."""

    everything: bool
    run_ids: frozenset[str]


NOTHING = Wake(everything=False, run_ids=frozenset())
EVERYTHING = Wake(everything=True, run_ids=frozenset())


class Wakeups(Protocol):
    """Used by one thread, except for `interrupt`."""

    def __enter__(self) -> Wakeups: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def wait(self, seconds: float) -> Wake:
        """Wait until something is heard, `interrupt` is called, or the time is over."""

    def interrupt(self) -> None:
        """End a `wait`, from any thread."""


def open_wakeups() -> Wakeups:
    """The kind that fits the database of the settings."""
    return PostgresWakeups() if connection.vendor == "postgresql" else SqliteWakeups()


class PostgresWakeups:
    """`LISTEN` on a connection of its own: one that runs statements too could swallow some."""

    def __init__(self) -> None:
        from psycopg import Connection  # noqa: PLC0415 - no web process on SQLite needs it

        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.setblocking(False)
        parameters = dict(connection.get_connection_params())
        for ours in ("cursor_factory", "context"):
            parameters.pop(ours, None)
        with connection.wrap_database_errors:
            self._listening: Any = Connection.connect(**parameters, autocommit=True)
            self._listening.execute(f"LISTEN {EVENTS_CHANNEL}")
        # Not select(): it knows no file descriptor above 1023, and a web process has many.
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._selector.register(self._read, selectors.EVENT_READ)

    def __enter__(self) -> PostgresWakeups:
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._selector, self._listening, self._read, self._write):
            end.close()

    def wait(self, seconds: float) -> Wake:
        """Wait for a notification."""
        readable = [key.fileobj for key, _ in self._selector.select(max(0.0, seconds))]
        if self._read in readable:
            self._read.recv(4096)
        if self._listening not in readable:
            return NOTHING
        with connection.wrap_database_errors:
            heard = [notice.payload for notice in self._listening.notifies(timeout=0)]
        return runs_named(heard)

    def interrupt(self) -> None:
        """Make `wait` return."""
        try:
            self._write.send(b"\0")
        except (BlockingIOError, OSError):
            return  # Full: it will wake. Closed: nobody waits.


def runs_named(payloads: list[str]) -> Wake:
    """Anyone who may connect may notify: what is no list of run ids means everything."""
    run_ids: set[str] = set()
    for payload in payloads:
        try:
            run_ids.update(str(run_id) for run_id in json.loads(payload))
        except (ValueError, TypeError):
            return EVERYTHING
    return Wake(everything=False, run_ids=frozenset(run_ids))


class SqliteWakeups:
    """`PRAGMA data_version` on a raw connection: it changes with every commit of another one."""

    def __init__(self) -> None:
        path = str(connection.settings_dict["NAME"])
        with connection.wrap_database_errors:
            self._watching = sqlite3.connect(path, isolation_level=None, uri=path[:5] == "file:")
        self._interrupted = threading.Event()
        self._version = self._read_version()

    def __enter__(self) -> SqliteWakeups:
        return self

    def __exit__(self, *_: object) -> None:
        self._watching.close()

    def wait(self, seconds: float) -> Wake:
        """Wait for a commit."""
        deadline = time.monotonic() + seconds
        while True:
            version = self._read_version()
            if version != self._version:
                self._version = version
                return EVERYTHING
            left = deadline - time.monotonic()
            if left <= 0 or self._interrupted.wait(min(left, SQLITE_POLL_SECONDS)):
                self._interrupted.clear()
                return NOTHING

    def interrupt(self) -> None:
        """Make `wait` return."""
        self._interrupted.set()

    def _read_version(self) -> int:
        with connection.wrap_database_errors:
            return int(self._watching.execute("PRAGMA data_version").fetchone()[0])
