"""Telling a database that is away from a mistake of ours, and saying it in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Connection errors, "the server goes down" or "comes up", "no more of something".
_AWAY_STATES = ("08", "57P", "53")
_AWAY_ON_SQLITE = ("database is locked", "unable to open database file", "disk I/O error")
_SECRETS = re.compile(r"(?<=//)[^/@\s]+(?=@)|(?<=password=)\S+", re.IGNORECASE)
_LONGEST_REASON = 200


def is_outage(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, says that the database does not answer."""
    return any(_says_away(one) for one in _chain(error))


def reason(error: BaseException) -> str:
    """What the driver said: one line without names and passwords."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return _SECRETS.sub("…", lines[0])[:_LONGEST_REASON]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _says_away(error: BaseException) -> bool:
    """By names, because no process on SQLite has the driver of Postgres loaded."""
    kinds = {(kind.__module__, kind.__name__) for kind in type(error).__mro__}
    if kinds & {("psycopg", "OperationalError"), ("psycopg", "InterfaceError")}:
        state = getattr(error, "sqlstate", None)
        return state is None or state.startswith(_AWAY_STATES)
    return ("sqlite3", "OperationalError") in kinds and str(error).startswith(_AWAY_ON_SQLITE)
