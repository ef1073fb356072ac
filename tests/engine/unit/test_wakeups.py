"""Waiting for other processes' commits, on both databases."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from tests.databases import TestDatabase
from tests.services.rows import launched
from timestep.engine import wakeups as module
from timestep.engine.wakeups import PostgresWakeup, SqliteWakeup, Wakeup, wakeup

LONG = 5.0
# What a wait may take where it should end at once, on a busy machine.
SHORT = 1.5


def _waited(waiting: Wakeup, timeout: float = LONG) -> float:
    begun = time.monotonic()
    waiting.wait(timeout)
    return time.monotonic() - begun


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "db.sqlite3"
    with sqlite3.connect(path) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE things (n)")
    made.close()
    return path


@pytest.fixture
def watching(file: Path) -> Iterator[SqliteWakeup]:
    """Has looked at the file once already."""
    made = SqliteWakeup(str(file))
    made.wait(0.1)
    yield made
    made.close()


def _commit(file: Path) -> None:
    with sqlite3.connect(file) as other:
        other.execute("INSERT INTO things VALUES (1)")
    other.close()


def test_the_first_look_at_a_file_ends_at_once(file: Path) -> None:
    made = SqliteWakeup(str(file))
    assert _waited(made) < SHORT
    made.close()


def test_without_a_commit_the_wait_lasts_its_time(watching: SqliteWakeup) -> None:
    assert _waited(watching, 0.3) >= 0.3


def test_a_commit_of_another_connection_ends_the_wait(watching: SqliteWakeup, file: Path) -> None:
    threading.Timer(0.2, _commit, [file]).start()
    assert 0.15 < _waited(watching) < SHORT
    assert _waited(watching, 0.2) >= 0.2


def test_a_commit_between_two_waits_is_not_missed(watching: SqliteWakeup, file: Path) -> None:
    _commit(file)
    assert _waited(watching) < SHORT


def test_what_is_rolled_back_wakes_nobody(watching: SqliteWakeup, file: Path) -> None:
    other = sqlite3.connect(file)
    other.execute("INSERT INTO things VALUES (1)")
    other.rollback()
    other.close()
    assert _waited(watching, 0.2) >= 0.2


def test_another_thread_of_the_process_ends_the_wait_once(watching: SqliteWakeup) -> None:
    threading.Timer(0.1, watching.wake).start()
    assert _waited(watching) < SHORT
    assert _waited(watching, 0.2) >= 0.2


def test_a_wake_before_the_wait_counts(watching: SqliteWakeup) -> None:
    watching.wake()
    assert _waited(watching) < SHORT


def test_a_calm_wait_is_ended_by_a_wake_and_not_at_once_by_a_commit(file: Path) -> None:
    calm = SqliteWakeup(str(file), calm_seconds=0.3)
    calm.wait(0.4)
    _commit(file)
    assert 0.3 <= _waited(calm) < SHORT
    calm.wake()
    assert _waited(calm) < 0.3
    calm.close()


@pytest.mark.django_db(transaction=True)
def test_a_launch_ends_the_wait_on_either_database() -> None:
    made = wakeup()
    expected = PostgresWakeup if connection.vendor == "postgresql" else SqliteWakeup
    assert isinstance(made, expected)
    made.wait(2)
    took: list[float] = []

    def body() -> None:
        made.wait(0.1)  # The first look of this thread.
        took.append(_waited(made))
        made.close()

    waiting = threading.Thread(target=body)
    waiting.start()
    time.sleep(0.4)
    launched("r")
    waiting.join()
    assert took[0] < SHORT
    made.close()


@pytest.fixture
def listening(
    test_database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PostgresWakeup]:
    monkeypatch.setattr(module, "_RECONNECT_SECONDS", 0.1)
    made = PostgresWakeup(connection.get_connection_params)
    made.wait(5)
    yield made
    made.close()


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_without_a_signal_the_wait_lasts_its_time(listening: PostgresWakeup) -> None:
    assert _waited(listening, 0.3) >= 0.3
    listening.wake()
    assert _waited(listening) < SHORT


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_broke_is_opened_again_and_wakes(
    listening: PostgresWakeup, test_database: TestDatabase
) -> None:
    with psycopg.connect(str(test_database.uri), autocommit=True) as admin:
        found = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        assert found.fetchall() == [(True,)]
    assert _waited(listening) < LONG
    launched("r")
    assert _waited(listening) < SHORT


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_closing_ends_the_listening_thread(listening: PostgresWakeup) -> None:
    listening.close()
    assert not listening._thread.is_alive()
