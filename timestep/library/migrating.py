"""Bringing the tables up to date before a program launches."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from timestep import conf, private
from timestep.engine.runtime import quiet_logs
from timestep.engine.tables import migrate_tables
from timestep.services.own_files import keep_private

# Any constant will do, as long as nobody else takes the same: the letters "migr".
_LOCK_KEY = 0x6D696772
_ASK_AGAIN_SECONDS = 0.1


def migrate_if_due() -> None:
    """Migrate Django's tables and DBOS's, one process at a time; quick where nothing is due."""
    quiet_logs()
    keep_private()
    with _alone():
        if _is_due():
            call_command("migrate", verbosity=0, without_engine=True)
        # On SQLite an open connection of ours could hold the lock that DBOS waits for.
        if connection.vendor == "sqlite":
            connection.close()
        migrate_tables(conf.engine_database_url(settings.DATABASES["default"]))
    connection.close()


def _is_due() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _answer(statement: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [_LOCK_KEY])
        return bool(cursor.fetchone()[0])


@contextmanager
def _alone() -> Iterator[None]:
    """Hold what two programs that start together would otherwise do twice."""
    if connection.vendor == "postgresql":
        # Asked again and again: a statement that waits for the lock is one that DBOS's
        # CREATE INDEX CONCURRENTLY, in the process that has it, waits for in turn.
        while not _answer("SELECT pg_try_advisory_lock(%s)"):
            time.sleep(_ASK_AGAIN_SECONDS)
        try:
            yield
        finally:
            _answer("SELECT pg_advisory_unlock(%s)")
        return
    path = Path(str(settings.DATABASES["default"]["NAME"])).with_suffix(".migrate-lock")
    private.make_directory(path.parent)
    with private.open_file(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
