"""What is looked at before anything starts, so that a refusal is one line and not a traceback."""

from __future__ import annotations

import fcntl
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from timestep import private
from timestep.outages import outage
from workflows.supervision.errors import StartRefused

SQLITE_WAIT_S = 5


def require_home(directory: Path) -> None:
    """Make the home where it is missing, and refuse one that cannot be written to.

    Raises:
        StartRefused: The directory cannot be made or written to.
    """
    try:
        private.make_directory(directory)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise StartRefused(
            f"TIMESTEP_HOME ({directory}) is not writable: {error.strerror}; make it a directory "
            "that this user may write to, or set TIMESTEP_HOME to one"
        ) from error


def require_database() -> None:
    """Refuse a database that cannot be reached or written to.

    Raises:
        StartRefused: With what the database or the driver said first.
    """
    if connection.vendor == "sqlite":
        _require_sqlite(Path(settings.DATABASES["default"]["NAME"]))
    else:
        _require_server()


def _require_sqlite(path: Path) -> None:
    with suppress(OSError):  # SQLite says it in its own words.
        private.make_file(path)
    try:
        trial = sqlite3.connect(path, timeout=SQLITE_WAIT_S, isolation_level=None)
        try:
            trial.execute("BEGIN IMMEDIATE")
            trial.execute("ROLLBACK")
        finally:
            trial.close()
    except sqlite3.DatabaseError as error:
        raise StartRefused(
            f"the database file {path} cannot be used: {error}; give this user the right to write "
            "it and its directory, or move it away"
        ) from error


def _require_server() -> None:
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        raise StartRefused(
            f"the database that PG_CONNECTION_URI names is out of reach: {first_line(error)}; "
            "start the server, or mend the URI"
        ) from error
    finally:
        connection.close()


def require_no_worker() -> None:
    """Refuse to start a second worker on SQLite, where there can be one (it would refuse itself).

    Raises:
        StartRefused: A worker holds the lock beside the file.
    """
    if connection.vendor != "sqlite":
        return
    path = Path(settings.DATABASES["default"]["NAME"])
    try:
        with path.with_suffix(".worker-lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return
    except BlockingIOError as error:
        raise StartRefused(
            f"a worker is running on {path} already, and on SQLite there can be one; stop it, "
            "set TIMESTEP_HOME to another directory, or use Postgres (PG_CONNECTION_URI)"
        ) from error


@contextmanager
def database_errors_refuse(doing: str) -> Iterator[None]:
    """Turn what the database says meanwhile into one line."""
    try:
        yield
    except DatabaseError as error:
        found = outage(error)
        mend = f"; {found}: {found.mend}" if found else ""
        raise StartRefused(f"{doing} failed: {first_line(error)}{mend}") from error
    finally:
        connection.close()


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
