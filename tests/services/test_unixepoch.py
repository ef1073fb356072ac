"""`unixepoch()` for an SQLite that does not know it, or not with milliseconds."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from timestep import unixepoch


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """A connection of an SQLite that lacks it, whatever this Python has."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    with closing(sqlite3.connect(":memory:")) as connection:
        unixepoch.provide(connection)
        yield connection


def asked(connection: sqlite3.Connection, words: str) -> Any:
    return connection.execute(f"SELECT unixepoch({words})").fetchone()[0]


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("'2024-01-02 03:04:05.678'", 1704164645),
        ("'2024-01-02 03:04:05.678', 'subsec'", 1704164645.678),
        ("'2024-01-02 03:04:05.6789', 'SUBSECOND'", 1704164645.679),
        ("'2024-01-02', '+1 day', 'subsec'", 1704240000.0),
        ("1700000000.25, 'unixepoch', 'subsec'", 1700000000.25),
        ("'1969-12-31 23:59:59.5', 'subsec'", -0.5),
        ("'1969-12-31 23:59:59.5'", -1),
        ("'rubbish'", None),
        ("NULL, 'subsec'", None),
        ("'now', 'no modifier'", None),
    ],
)
def test_times_and_modifiers_are_read_as_sqlite_does(
    old: sqlite3.Connection, words: str, seconds: float | None
) -> None:
    found = asked(old, words)
    assert found == seconds
    assert type(found) is type(seconds)


@pytest.mark.parametrize("words", ["", "'now'", "'subsec'", "'now', 'subsec'", "'subsecond'"])
def test_now_is_now_in_whole_milliseconds(old: sqlite3.Connection, words: str) -> None:
    before = time.time()
    found = asked(old, words)
    assert before - 1 < found <= time.time()
    assert isinstance(found, float) is ("subsec" in words)
    assert found == round(found, 3)


def test_a_column_of_dbos_has_its_default(old: sqlite3.Connection) -> None:
    old.execute(
        "CREATE TABLE versions (id, at BIGINT NOT NULL DEFAULT (unixepoch('subsec') * 1000))"
    )
    old.execute("INSERT INTO versions (id) VALUES (1)")
    at, kind = old.execute("SELECT at, typeof(at) FROM versions").fetchone()
    assert abs(at / 1000 - time.time()) < 5
    assert (kind, at) == ("integer", int(at))


def test_a_newer_sqlite_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", unixepoch.BUILT_IN_SINCE)

    class Newer(sqlite3.Connection):
        def create_function(self, *args: Any, **kwargs: Any) -> None:
            raise AssertionError

    with closing(sqlite3.connect(":memory:", factory=Newer)) as connection:
        unixepoch.provide(connection)
