"""The database: there, of a version that works, and migrated."""

from __future__ import annotations

from pathlib import Path

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from timestep.management.engine_tables import engine_tables
from timestep.outages import reason
from workflows.doctor.findings import Finding, Findings, count, ok, problem

_MIGRATE = "run `python manage.py migrate`"


def reachable() -> Finding:
    """Whether the database answers at all; nothing else can be asked where it does not."""
    if connection.vendor == "sqlite" and not Path(name := _file()).exists():
        # Looking would make an empty one.
        return problem("database", f"{name} does not exist yet", _MIGRATE)
    try:
        connection.ensure_connection()
    except Error as error:
        return problem("database", f"does not answer: {reason(error)}", _mend())
    return _version()


def _mend() -> str:
    if connection.vendor == "sqlite":
        return f"give this user the right to write {_file()}"
    return "start the server, or mend PG_CONNECTION_URI"


def _file() -> str:
    return str(connection.settings_dict["NAME"])


def _version() -> Finding:
    least = connection.features.minimum_database_version or ()
    found = connection.get_database_version()
    name = "SQLite" if connection.vendor == "sqlite" else "Postgres"
    words = f"{name} {'.'.join(map(str, found))}"
    if found < least:
        wanted = ".".join(map(str, least))
        return problem("database", f"{words} is too old", f"use {name} {wanted} or later")
    return ok("database", f"{words} answers")


def tables() -> Findings:
    """How the file is kept, Django's migrations, and DBOS's own."""
    if connection.vendor == "sqlite":
        yield _journal()
    executor = MigrationExecutor(connection)
    left = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if left:
        said = f"{count(len(left), 'migration is', 'migrations are')} not applied"
        yield problem("migrations", said, _MIGRATE)
    else:
        yield ok("migrations", "all applied")
    yield _engine()


def _journal() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        mode = str(cursor.fetchone()[0])
    if mode == "wal":
        return ok("journal", "WAL: readers do not wait for writers")
    mend = "move TIMESTEP_HOME to a local file system: a network one cannot do WAL"
    return problem("journal", f"the file's journal mode is {mode}, not WAL", mend)


def _engine() -> Finding:
    done = engine_tables("versions")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        said = f"DBOS cannot read its tables: {reason(RuntimeError(last))}"
        return problem("engine tables", said, _MIGRATE)
    has, wants = map(int, done.stdout.split())
    if has < wants:
        said = f"DBOS's tables have version {has}; the installed DBOS wants {wants}"
        return problem("engine tables", said, _MIGRATE)
    if has > wants:
        said = f"DBOS's tables have version {has}, newer than the installed DBOS knows ({wants})"
        return problem("engine tables", said, "install the newest release here as well")
    return ok("engine tables", f"DBOS's tables have version {has}")
