"""Readers of the environment that the settings are made of."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any


def home() -> Path:
    """The directory of all state: `TIMESTEP_HOME`, else `.timestep` below the working directory."""
    return Path(os.environ.get("TIMESTEP_HOME") or ".timestep").resolve()


def secret_key(directory: Path) -> str:
    """`TIMESTEP_SECRET_KEY`, else the key kept in `secret_key` below the home, made at first use."""
    if key := os.environ.get("TIMESTEP_SECRET_KEY"):
        return key
    path = directory / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        directory.mkdir(parents=True, exist_ok=True)
    key = secrets.token_urlsafe(64)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        file.write(key)
    return key


def postgres_uri() -> str | None:
    """`PG_CONNECTION_URI`, or None when everything is on SQLite."""
    return os.environ.get("PG_CONNECTION_URI") or None


def sqlite_path(directory: Path) -> Path:
    """The one SQLite file of Django and DBOS."""
    return directory / "timestep.sqlite3"


def database(directory: Path) -> dict[str, Any]:
    """Django's database settings: Postgres when `PG_CONNECTION_URI` is set, else SQLite."""
    uri = postgres_uri()
    if uri is None:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": sqlite_path(directory),
            # IMMEDIATE takes the write lock at BEGIN, where the busy timeout applies; a deferred
            # transaction that upgrades later fails at once with "database is locked".
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL;",
            },
        }
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(uri)
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    settings = {target: str(parts.pop(source, "")) for source, target in names.items()}
    return {"ENGINE": "django.db.backends.postgresql", **settings, "OPTIONS": parts}


def tool_modules() -> list[str]:
    """The modules named in `TIMESTEP_TOOLS` (comma-separated), after the demo tools."""
    named = os.environ.get("TIMESTEP_TOOLS", "")
    return [part.strip() for part in named.split(",") if part.strip()]
