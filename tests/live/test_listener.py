"""The listener: one read and one rendering for all, and what if the database goes away."""

from __future__ import annotations

import asyncio
import threading
from unittest import mock

import pytest
from django.db import OperationalError, connection

from tests.live.conftest import Later, Open
from tests.live.scribe import make_run, speak
from timestep.events import feed
from workflows.live import batches, listener
from workflows.live.wakeups import EVERYTHING, NOTHING, open_wakeups, runs_named

VIEWERS = 200


async def test_two_hundred_viewers_cost_one_read_and_one_rendering(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    path = f"/ws/runs/{run_id}/?format=json"
    sockets = await asyncio.gather(*(open_socket(path) for _ in range(VIEWERS)))
    with mock.patch.object(batches, "as_message", wraps=feed.as_message) as rendering:
        for n in range(20):
            await in_thread(speak, run_id, *(f"{n * 5 + k} " for k in range(5)))
        for socket in sockets:
            await socket.until_seq(100)
    assert {socket.text() for socket in sockets} == {"".join(f"{n} " for n in range(100))}
    assert rendering.call_count <= 20


def _connected() -> set[int]:
    """The connections that Postgres has; a file knows of none."""
    if connection.vendor != "postgresql":
        return set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return {pid for (pid,) in cursor.fetchall()}


def _disconnect_all_but(kept: set[int]) -> None:
    for pid in _connected() - kept:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT CASE WHEN %s <> pg_backend_pid() THEN pg_terminate_backend(%s) END",
                [pid, pid],
            )


async def test_what_happens_while_the_database_was_away_comes_when_it_is_back(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    before = await in_thread(_connected)
    socket = await open_socket(f"/ws/runs/{run_id}/?format=json")
    await in_thread(speak, run_id, "before ")
    await socket.until_seq(1)
    await in_thread(_disconnect_all_but, before)
    await in_thread(speak, run_id, "after")
    await socket.until_seq(2)
    assert socket.text() == "before after"


async def test_a_failing_read_is_tried_again_and_loses_nothing(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    socket = await open_socket(f"/ws/runs/{run_id}/?format=json")
    results = [OperationalError("gone"), mock.DEFAULT, mock.DEFAULT, mock.DEFAULT]
    with mock.patch.object(feed, "events_of_runs", wraps=feed.events_of_runs) as reading:
        reading.side_effect = results
        await in_thread(speak, run_id, "word")
        await socket.until_seq(1)
    assert socket.text() == "word"


async def test_a_missed_notification_is_caught_by_the_poll(
    run_id: str, open_socket: Open, in_thread: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "POLL_SECONDS", 0.1)
    monkeypatch.setattr("tests.live.scribe.notify_events", lambda run_ids: None)
    socket = await open_socket(f"/ws/runs/{run_id}/?format=json")
    await in_thread(speak, run_id, "word")
    await socket.until_seq(1)
    assert socket.text() == "word"


async def test_the_thread_ends_when_nobody_watches_and_starts_again(
    run_id: str, open_socket: Open, in_thread: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "IDLE_SECONDS", 0.1)
    monkeypatch.setattr(listener, "POLL_SECONDS", 0.05)
    socket = await open_socket(f"/ws/runs/{run_id}/?format=json")
    await socket.leave()
    for _ in range(100):
        await asyncio.sleep(0.05)
        if not any(thread.name == "timestep-live" for thread in threading.enumerate()):
            break
    else:
        pytest.fail("the listener's thread goes on")
    await in_thread(speak, run_id, "word")
    again = await open_socket(f"/ws/runs/{run_id}/?format=json")
    await again.until_seq(1)


async def test_a_page_that_cannot_be_rendered_harms_nobody_else(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    await in_thread(make_run, "run-2")
    page = await open_socket(f"/ws/runs/{run_id}/")
    program = await open_socket("/ws/runs/run-2/?format=json")
    with mock.patch.object(batches, "render_to_string", side_effect=ValueError("template")):
        await in_thread(speak, run_id, "x")
        await page.until(lambda: page.closed)
    await in_thread(speak, "run-2", "fine")
    await program.until_seq(1)
    assert page.closed == (1011, "this cannot be shown; reload the page")


@pytest.mark.parametrize("payload", ["", "{", "17", "null"])
def test_a_notification_that_names_no_runs_means_all(payload: str) -> None:
    assert runs_named(['["run-1"]', payload]) == EVERYTHING


def test_notifications_name_the_runs_that_grew() -> None:
    assert runs_named(['["a", "b"]', '["b", "c"]']).run_ids == {"a", "b", "c"}


@pytest.mark.django_db(transaction=True)
def test_a_commit_wakes_and_silence_does_not() -> None:
    with open_wakeups() as wakeups:
        assert wakeups.wait(0.05) == NOTHING
        make_run("run-1")
        speak("run-1", "word")
        heard = wakeups.wait(5)
    assert heard.everything or "run-1" in heard.run_ids


@pytest.mark.django_db(transaction=True)
def test_an_interrupt_ends_the_wait() -> None:
    with open_wakeups() as wakeups:
        threading.Timer(0.05, wakeups.interrupt).start()
        assert wakeups.wait(60) == NOTHING
    wakeups.interrupt()
