"""DBOS's own tables: made and brought up to date beside Django's."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys

from dbos import DBOS

from timestep.conf import ENGINE_URL_VARIABLE

SQLITE_PREFIX = "sqlite:///"


def migrate_tables(url: str) -> None:
    """Create or migrate DBOS's tables in the database of this URL."""
    if url.startswith(SQLITE_PREFIX):
        use_write_ahead_log(url.removeprefix(SQLITE_PREFIX))
    DBOS.migrate(url)


def use_write_ahead_log(path: str) -> None:
    """Switch the file to WAL, which DBOS leaves as it is: then readers never wait."""
    connection = sqlite3.connect(path, timeout=20)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()


if __name__ == "__main__":
    # The URL holds the password, so it comes by the environment: everyone sees a command line.
    logging.getLogger("dbos").setLevel(logging.WARNING)
    try:
        migrate_tables(os.environ[ENGINE_URL_VARIABLE])
    except KeyError:
        sys.exit(f"error: {ENGINE_URL_VARIABLE} is not set; run `manage.py migrate`, which sets it")
