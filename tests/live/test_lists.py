"""The list socket: status changes of all runs, rendered once for all."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from tests.live.conftest import Later, Open
from tests.live.scribe import make_run, speak, write
from timestep.models import Run


async def test_programs_get_each_status_change_once_and_in_order(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    await in_thread(write, run_id, ("status", {"status": "queued"}))
    socket = await open_socket("/ws/runs/?format=json")
    await asyncio.sleep(0.3)
    for status in ("running", "succeeded"):
        await in_thread(write, run_id, ("status", {"status": status, "by": "ana"}))
    await socket.until(lambda: len(socket.messages) == 2)
    first, second = socket.events()
    assert (first["run_id"], first["status"], first["by"]) == (run_id, "running", "ana")
    assert second["status"] == "succeeded"
    assert first["at"] < second["at"]


async def test_tokens_are_no_news_for_lists(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    socket = await open_socket("/ws/runs/?format=json")
    await in_thread(speak, run_id, "a", "b")
    await in_thread(write, run_id, ("status", {"status": "running"}))
    await socket.until(lambda: socket.messages)
    assert [event["status"] for event in socket.events()] == ["running"]


async def test_pages_get_the_row_of_a_run_whose_status_changed(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    socket = await open_socket("/ws/runs/")
    await asyncio.sleep(0.3)
    assert socket.messages == []
    await in_thread(Run.objects.filter(pk=run_id).update, status="running")
    await in_thread(write, run_id, ("status", {"status": "running"}))
    await socket.until(lambda: socket.messages)
    assert f'id="run-row-{run_id}"' in socket.messages[0]
    assert "hx-swap-oob" in socket.messages[0]


async def test_a_page_that_was_just_rendered_gets_what_it_may_have_missed(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    await in_thread(write, run_id, ("status", {"status": "queued"}))
    socket = await open_socket("/ws/runs/")
    await socket.until(lambda: socket.messages)
    assert f'id="run-row-{run_id}"' in socket.messages[0]


@pytest.mark.parametrize("form", ["json", "html"])
async def test_all_viewers_get_the_same_message(
    run_id: str, open_socket: Open, in_thread: Later, form: str
) -> None:
    sockets = [await open_socket(f"/ws/runs/?format={form}") for _ in range(20)]
    await asyncio.sleep(0.3)
    await in_thread(make_run, "run-2")
    await in_thread(write, "run-2", ("status", {"status": "queued"}))
    for socket in sockets:
        await socket.until(partial(getattr, socket, "messages"))
    assert len({id(socket.raw[0]) for socket in sockets}) == 1
