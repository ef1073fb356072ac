"""A disk that is full, as SQLite tells of it, while a run's step is to be written."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbos._utils import retriable_postgres_exception
from django.db import OperationalError as DjangoError
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from tests.ops.test_supervisor import eventually
from timestep.engine import room, threads
from timestep.engine.room import Room
from timestep.outages import Outage, outage

FILL = text("INSERT INTO t VALUES (zeroblob(1000000))")


@pytest.fixture
def waiting() -> Iterator[Room]:
    """A process that executes, and ends with the test."""
    own = Room()
    own.await_from_now()
    yield own
    own.await_no_more()


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Engine]:
    """A file that can hold no more."""
    engine = create_engine(f"sqlite:///{tmp_path}/full.sqlite3")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (a)"))
        connection.execute(text("PRAGMA max_page_count = 3"))
    yield engine
    engine.dispose()


def failure(engine: Engine) -> OperationalError:
    """What the write of a step raises."""
    with engine.connect() as connection:
        connection.execute(text("PRAGMA max_page_count = 3"))
        with pytest.raises(OperationalError) as raised:
            connection.execute(FILL)
    return raised.value


def test_dbos_tries_again_what_found_no_room(full: Engine, waiting: Room) -> None:
    error = failure(full)
    assert outage(error) is Outage.FULL
    assert retriable_postgres_exception(error)


def test_a_process_that_ends_gives_up(full: Engine, waiting: Room) -> None:
    waiting.await_no_more()
    assert not retriable_postgres_exception(failure(full))


def test_the_write_waits_for_room_and_holds_nobody_up(
    full: Engine, waiting: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    there_is_room, looked = threading.Event(), threading.Event()

    def takes_writes(directory: Path) -> bool:
        looked.set()
        return there_is_room.is_set()

    monkeypatch.setattr(room, "_takes_writes", takes_writes)
    writer = threading.Thread(target=failure, args=(full,))
    writer.start()
    assert looked.wait(10)
    with full.begin() as other:  # The lock is free meanwhile.
        other.execute(text("DELETE FROM t"))
    assert writer.is_alive()
    there_is_room.set()
    writer.join(10)
    assert not writer.is_alive()


def test_the_event_loop_never_waits(
    full: Engine, waiting: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_takes_writes", lambda _: False)

    async def in_a_loop() -> OperationalError:
        return failure(full)

    assert retriable_postgres_exception(asyncio.run(in_a_loop()))


def test_whoever_waits_goes_when_the_process_ends(
    full: Engine, waiting: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_takes_writes", lambda _: False)
    writer = threading.Thread(target=failure, args=(full,))
    writer.start()
    waiting.await_no_more()
    eventually(lambda: not writer.is_alive())


def test_room_is_tried_by_writing(tmp_path: Path) -> None:
    assert room._takes_writes(tmp_path)
    assert not room._takes_writes(tmp_path / "not there")
    assert not list(tmp_path.iterdir())


def test_it_is_told_once_whether_writes_wait(waiting: Room) -> None:
    told: list[bool] = []
    waiting.await_from_now(told.append)
    with waiting.lacking(), waiting.lacking():
        assert told == [True]
    assert told == [True, False]


def test_a_write_that_waits_for_room_tells(
    full: Engine, waiting: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    waiting.await_from_now(told.append)
    looks = iter([False, True])
    monkeypatch.setattr(room, "_takes_writes", lambda _: next(looks))
    failure(full)
    assert told == [True, False]


def test_a_transaction_that_finds_no_room_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []
    monkeypatch.setattr(room.ROOM, "_tell", told.append)
    monkeypatch.setattr(threads, "_RETRY_SECONDS", 0)
    errors = [sqlite3.OperationalError("database or disk is full")] * 2

    def write() -> str:
        if errors:
            raise DjangoError from errors.pop()
        return "written"

    assert threads.submit(write).result() == "written"
    assert told == [True, False]
