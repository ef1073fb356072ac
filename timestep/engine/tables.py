"""DBOS's own tables: made and brought up to date beside Django's."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys

from dbos import DBOS
from dbos._migration import get_migration_versions, get_sqlite_migration_versions
from sqlalchemy import Pool, create_engine, event

from timestep import unixepoch
from timestep.conf import ENGINE_URL_VARIABLE

SQLITE_PREFIX = "sqlite:///"
SCHEMA = "dbos"


def migrate_tables(url: str) -> None:
    """Create or migrate DBOS's tables in the database of this URL."""
    provide_functions()
    if url.startswith(SQLITE_PREFIX):
        use_write_ahead_log(url.removeprefix(SQLITE_PREFIX))
    DBOS.migrate(url)


def versions(url: str) -> tuple[int, int]:
    """The version of DBOS's tables in this database (0: none yet), and the one it wants."""
    if url.startswith(SQLITE_PREFIX):
        engine = create_engine(url)
        return get_sqlite_migration_versions(engine)
    engine = create_engine(url.replace("://", "+psycopg://", 1))
    return get_migration_versions(engine, SCHEMA, use_listen_notify=True)


def provide_functions() -> None:
    """Let connections that DBOS opens from now on know the functions that its tables use.

    For every pool of the process: DBOS makes its own, and one that it is given loses its settings.
    """
    if not event.contains(Pool, "connect", _provide):
        event.listen(Pool, "connect", _provide)


def _provide(connection: object, record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        unixepoch.provide(connection)


def use_write_ahead_log(path: str) -> None:
    """Switch the file to WAL, which DBOS leaves as it is: then readers never wait."""
    connection = sqlite3.connect(path, timeout=20)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


def _main(act: str) -> None:
    """`migrate`, or print the two versions."""
    # The URL holds the password, so it comes by the environment: everyone sees a command line.
    url = os.environ[ENGINE_URL_VARIABLE]
    if act == "versions":
        sys.stdout.write("{} {}\n".format(*versions(url)))
    else:
        migrate_tables(url)


if __name__ == "__main__":
    logging.getLogger("dbos").setLevel(logging.WARNING)
    try:
        _main(sys.argv[1])
    except (KeyError, IndexError):
        sys.exit("error: this is a part of `manage.py migrate` and `manage.py doctor`; use those")
