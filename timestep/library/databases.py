"""Which database this process uses, and whether another one is meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from timestep import conf
from timestep.errors import InvalidInput
from timestep.models import SavedState

_FORM = "write postgresql://USER@HOST:PORT/DATABASE or sqlite:///PATH"


def has_tables() -> bool:
    """Whether Timestep's tables are there."""
    return SavedState._meta.db_table in connection.introspection.table_names()


def refuse_other_database(connection_string: str) -> None:
    """Raise `InvalidInput` unless the string names the database in use; it is never shown."""
    if not isinstance(connection_string, str):
        raise InvalidInput("connection_string", f"give a text; {_FORM}")
    used = conf.engine_database_url(settings.DATABASES["default"])
    if _place(connection_string) != _place(used):
        raise InvalidInput(
            "connection_string",
            "names another database than this process uses, and a state is of no use without its "
            "run; leave it out, or choose that database for the whole process: "
            "configure_dbos(database_url=…)",
        )


def _place(url: str) -> tuple[Any, ...]:
    """What tells one database from another: not the user, and not how one connects."""
    scheme, _, rest = url.partition("://")
    backend = scheme.partition("+")[0]
    if backend == "sqlite" and rest.startswith("/"):
        return backend, str(Path(rest[1:]).expanduser().resolve())
    if backend not in ("postgresql", "postgres"):
        raise InvalidInput("connection_string", f"cannot be read; {_FORM}")
    # Imported here: on SQLite no process needs the driver.
    from psycopg import ProgrammingError  # noqa: PLC0415
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    try:
        parts = conninfo_to_dict(f"postgresql://{rest}")
    except ProgrammingError:
        # The driver's message quotes the string, and so the password.
        raise InvalidInput("connection_string", f"cannot be read; {_FORM}") from None
    host = parts.get("host") or "localhost"
    return "postgresql", host, str(parts.get("port") or 5432), parts.get("dbname")
