"""The database threads: off the loop, without its context, patient with a database that is away."""

from __future__ import annotations

import asyncio
import threading
import time
from contextvars import ContextVar

import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError, connections

from timestep.engine import threads as module
from timestep.engine.threads import in_thread, keep_connections_open, submit
from timestep.models import Queue

SAID: ContextVar[str] = ContextVar("said", default="nothing")


async def test_work_is_done_on_a_database_thread_with_its_arguments() -> None:
    def work(a: int, *, b: int) -> tuple[int, str]:
        return a + b, threading.current_thread().name

    result, name = await in_thread(work, 1, b=2)
    assert result == 3
    assert name.startswith("timestep-db")


async def test_the_loop_goes_on_meanwhile() -> None:
    working = asyncio.create_task(in_thread(time.sleep, 0.3))
    ticks = 0
    while not working.done():
        await asyncio.sleep(0.01)
        ticks += 1
    assert ticks > 3


async def test_the_callers_context_stays_behind() -> None:
    SAID.set("something")
    assert await in_thread(SAID.get) == "nothing"


@pytest.mark.parametrize("error", [KeyError("x"), ProgrammingError("no such table")])
async def test_an_error_that_is_no_absence_comes_back_at_once(error: Exception) -> None:
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        await in_thread(work)
    assert calls == [1]


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
def test_while_the_database_is_away_it_is_tried_again(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.01)
    calls: list[int] = []

    def work() -> int:
        calls.append(1)
        if len(calls) < 4:
            raise kind("away")
        return len(calls)

    assert submit(work).result(5) == 4


def test_many_callers_share_few_threads() -> None:
    names = {submit(_slow_name).result(10) for _ in range(3)}
    futures = [submit(_slow_name) for _ in range(40)]
    names |= {future.result(10) for future in futures}
    assert 1 < len(names) <= 8


def _slow_name() -> str:
    time.sleep(0.02)
    return threading.current_thread().name


@pytest.mark.usefixtures("transactional_db", "fresh_threads")
async def test_rows_written_there_are_committed() -> None:
    await in_thread(Queue.objects.create, name="q")
    await in_thread(connections.close_all)
    assert await in_thread(Queue.objects.count) == 1


def test_a_worker_keeps_its_connections_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = connections.settings["default"]
    for name in ("CONN_MAX_AGE", "CONN_HEALTH_CHECKS"):
        monkeypatch.setitem(settings, name, settings[name])
    keep_connections_open()
    assert (settings["CONN_MAX_AGE"], settings["CONN_HEALTH_CHECKS"]) == (None, False)
