"""SQL's `unixepoch()` for SQLite before 3.42, as the later ones have it.

DBOS's tables, made under Python 3.12 or later, have the default `unixepoch('subsec') * 1000`. An
older SQLite, as in Debian 12, gives NULL for it. A file keeps its defaults, so every connection
that may insert there needs the function, whatever Python made the file.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

BUILT_IN_SINCE = (3, 42)
_SUBSECOND = ("subsec", "subsecond")
Value = str | bytes | int | float | None


def provide(connection: sqlite3.Connection) -> None:
    """Give a connection the function where its SQLite is too old to have it."""
    if sqlite3.sqlite_version_info < BUILT_IN_SINCE:
        connection.create_function("unixepoch", -1, unixepoch)
        # Some builds let only their own functions be a column's default; the file is ours.
        connection.execute("PRAGMA trusted_schema=ON")


def unixepoch(*words: Value) -> int | float | None:
    """Seconds since 1970; with `subsec` among the modifiers a number of whole milliseconds.

    Args:
        words: As SQL gives them: a time value (default: now), then modifiers.

    Returns:
        None where a word cannot be read.
    """
    fine = any(_is_subsecond(word) for word in words)
    rest = [word for word in words if not _is_subsecond(word)]
    if not words or _is_subsecond(words[0]):
        rest.insert(0, "now")
    if rest == ["now"]:  # Every insert asks this.
        milliseconds = time.time_ns() // 1_000_000
        return milliseconds / 1000 if fine else milliseconds // 1000
    return _worked_out(rest, fine)


def _is_subsecond(word: Value) -> bool:
    return isinstance(word, str) and word.lower() in _SUBSECOND


def _worked_out(words: list[Value], fine: bool) -> int | float | None:
    """By SQLite itself, in words that every version knows."""
    marks = ", ".join("?" * len(words))
    with closing(sqlite3.connect(":memory:")) as aside:
        asked = f"SELECT strftime('%s', {marks}), strftime('%f', {marks})"
        seconds, within_the_minute = aside.execute(asked, words * 2).fetchone()
    if seconds is None:
        return None
    if not fine:
        return int(seconds)
    return (int(seconds) * 1000 + int(within_the_minute.rpartition(".")[2])) / 1000
