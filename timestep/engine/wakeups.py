"""Waiting for other processes' commits without polling tables."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import psycopg
from django.db import connection

from timestep.notify import DISPATCH_CHANNEL

logger = logging.getLogger(__name__)

# Reading `PRAGMA data_version` touches no table: at this pace it takes about 2 % of a core.
SQLITE_POLL_SECONDS = 0.018
_RECONNECT_SECONDS = 1.0


class Wakeup(Protocol):
    """Something to wait on; returns early when rows may have changed."""

    def wait(self, timeout: float) -> None:
        """Wait at most `timeout` seconds."""

    def wake(self) -> None:
        """End the wait of another thread of this process."""

    def close(self) -> None:
        """Give up what the waiting holds."""


def wakeup(calm_seconds: float = 0.0) -> Wakeup:
    """The way of waiting that fits the database.

    Args:
        calm_seconds: How long a wait lasts at least on SQLite, unless `wake` ends it. There every
            commit is seen, also those of this process, which mostly concern nobody.
    """
    if connection.vendor == "postgresql":
        return PostgresWakeup(connection.get_connection_params)
    return SqliteWakeup(str(connection.settings_dict["NAME"]), calm_seconds)


class SqliteWakeup:
    """Watches the file's data version, which every commit of another connection changes."""

    def __init__(self, path: str, calm_seconds: float = 0.0) -> None:
        self._path = path
        self._calm = calm_seconds
        self._local = threading.local()
        self._woken = threading.Event()

    def wait(self, timeout: float) -> None:
        """Wait until the file changes."""
        deadline = time.monotonic() + timeout
        before = getattr(self._local, "version", None)
        self._woken.wait(min(self._calm, timeout))
        while time.monotonic() < deadline:
            self._local.version = self._data_version()
            if self._local.version != before or self._woken.is_set():
                break
            self._woken.wait(SQLITE_POLL_SECONDS)
        self._woken.clear()

    def wake(self) -> None:
        """End the wait at once."""
        self._woken.set()

    def close(self) -> None:
        """Close the connection of the waiting thread."""
        if (held := getattr(self._local, "connection", None)) is not None:
            held.close()

    def _data_version(self) -> int:
        if not hasattr(self._local, "connection"):
            self._local.connection = sqlite3.connect(self._path, isolation_level=None)
        version: int = self._local.connection.execute("PRAGMA data_version").fetchone()[0]
        return version


class PostgresWakeup:
    """Listens for NOTIFY on a connection of its own, and opens it again when it breaks."""

    def __init__(self, parameters: Callable[[], dict[str, Any]]) -> None:
        self._parameters = parameters
        self._notified = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._listen, name="timestep-listen", daemon=True)
        self._thread.start()

    def wait(self, timeout: float) -> None:
        """Wait until something is notified."""
        self._notified.wait(timeout)
        self._notified.clear()

    def wake(self) -> None:
        """End the wait at once."""
        self._notified.set()

    def close(self) -> None:
        """End the listening thread."""
        self._closing = True
        self._thread.join(timeout=2)

    def _listen(self) -> None:
        while not self._closing:
            try:
                self._listen_once()
            except psycopg.Error as error:
                logger.warning("listening for launches broke off: %s", error)
                time.sleep(_RECONNECT_SECONDS)

    def _listen_once(self) -> None:
        with psycopg.connect(**_plain(self._parameters()), autocommit=True) as listener:
            listener.execute(f"LISTEN {DISPATCH_CHANNEL}")
            self._notified.set()  # Something may have been missed while nobody listened.
            while not self._closing:
                for _ in listener.notifies(timeout=1.0, stop_after=1):
                    self._notified.set()


def _plain(parameters: dict[str, Any]) -> dict[str, Any]:
    """Django's connection parameters without those that only its own cursors know."""
    own = ("cursor_factory", "context", "prepare_threshold")
    return {key: value for key, value in parameters.items() if key not in own}
