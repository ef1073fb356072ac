"""A disk that is full, as SQLite tells of it, while a run's step is to be written."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbos._utils import retriable_postgres_exception
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from tests.ops.test_supervisor import eventually
from timestep.engine import room
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
