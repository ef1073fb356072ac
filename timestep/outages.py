"""Telling a database that cannot be used for now from a mistake of ours, and saying it in one line.

Away, full or read-only: nothing is wrong with what was asked. What a person or a program asked is
refused in those words; what a worker does waits, and is tried again.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import ParamSpec, TypeVar

from django.db import DatabaseError

from timestep.errors import DiskFull

P = ParamSpec("P")
R = TypeVar("R")

# The exit code of a process that cannot start for now: `up` starts it again and again.
TRY_AGAIN = os.EX_TEMPFAIL
# Postgres: connection errors, "the server goes down" or "comes up", "no more of something".
_AWAY_STATES = ("08", "57P", "53")
_FULL_STATE = "53100"
_READ_ONLY_STATE = "25006"
_AWAY_ON_SQLITE = ("database is locked", "unable to open database file", "disk I/O error")
_FULL_ON_SQLITE = "database or disk is full"
# The index of the write-ahead log is a file, too.
_NO_ROOM_FOR_THE_INDEX = "SQLITE_IOERR_SHMSIZE"
_READ_ONLY_ON_SQLITE = "attempt to write a readonly database"
_SECRETS = re.compile(r"(?<=//)[^/@\s]+(?=@)|(?<=password=)\S+", re.IGNORECASE)
_LONGEST_REASON = 200


class Outage(StrEnum):
    """What keeps the database from being used, in the words that everybody is told."""

    AWAY = "the database does not answer"
    FULL = "the disk is full"
    READ_ONLY = "the database cannot be written to"

    @property
    def mend(self) -> str:
        """What to do about it."""
        return _MENDS[self]


_MENDS = {
    Outage.AWAY: "see that it runs, and what `python manage.py doctor` says",
    Outage.FULL: "make room on the disk of the database",
    Outage.READ_ONLY: "see why its disk, or the server, takes no writes",
}


def outage(error: BaseException | None) -> Outage | None:
    """What an error, or what it came from, says of the database; None where it is not at fault."""
    return next((found for one in _chain(error) if (found := _said_by(one))), None)


def is_outage(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, says that the database cannot be used for now."""
    return outage(error) is not None


def reason(error: BaseException) -> str:
    """What the driver said: one line without names and passwords."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return _SECRETS.sub("…", lines[0])[:_LONGEST_REASON]


def refused_when_full(function: Callable[P, R]) -> Callable[P, R]:
    """The function, raising `DiskFull` where its transaction finds no room; it changed nothing."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except DatabaseError as error:
            if outage(error) is not Outage.FULL:
                raise
            raise DiskFull from error

    return wrapper


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _said_by(error: BaseException) -> Outage | None:
    """By names, because no process on SQLite has the driver of Postgres loaded."""
    kinds = {(kind.__module__, kind.__name__) for kind in type(error).__mro__}
    if ("psycopg", "Error") in kinds:
        return _said_by_postgres(error, kinds)
    if ("sqlite3", "OperationalError") in kinds:
        return _said_by_sqlite(error)
    return None


def _said_by_postgres(error: BaseException, kinds: set[tuple[str, str]]) -> Outage | None:
    state = getattr(error, "sqlstate", None)
    if state == _FULL_STATE:
        return Outage.FULL
    if state == _READ_ONLY_STATE:
        return Outage.READ_ONLY
    about_connections = kinds & {("psycopg", "OperationalError"), ("psycopg", "InterfaceError")}
    away = state is None or state.startswith(_AWAY_STATES)
    return Outage.AWAY if about_connections and away else None


def _said_by_sqlite(error: BaseException) -> Outage | None:
    said = str(error)
    no_index = getattr(error, "sqlite_errorname", "") == _NO_ROOM_FOR_THE_INDEX
    if no_index or said.startswith(_FULL_ON_SQLITE):
        return Outage.FULL
    if said.startswith(_READ_ONLY_ON_SQLITE):
        return Outage.READ_ONLY
    return Outage.AWAY if said.startswith(_AWAY_ON_SQLITE) else None
