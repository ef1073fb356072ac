"""What a run's page is sent: fragments, escaped, the same for all, with the seq to go on from."""

from __future__ import annotations

import asyncio
from functools import partial

from tests.live.conftest import Later, Open
from tests.live.scribe import finish_step, speak, write
from timestep.models import Run


async def test_tokens_are_appended_to_their_step(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    await in_thread(write, run_id, ("model.started", {"agent": "a", "model": "m"}), step="0.1")
    socket = await open_socket(f"/ws/runs/{run_id}/?after=1")
    await in_thread(speak, run_id, "<script>", " & so on")
    await socket.until(lambda: socket.messages)
    assert (
        'hx-swap-oob="beforeend:#text-0-1">&lt;script&gt; &amp; so on</div>' in socket.text_sent()
    )
    assert 'id="run-seq" data-seq="3"' in socket.messages[-1]


async def test_a_durable_event_brings_its_row_and_the_header(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    socket = await open_socket(f"/ws/runs/{run_id}/")
    await in_thread(write, run_id, ("model.started", {"agent": "a", "model": "m"}), step="0.1")
    await in_thread(finish_step, run_id, "<b>done</b>")
    await socket.until(lambda: socket.messages and 'data-seq="2"' in socket.messages[-1])
    assert 'id="step-0-1"' in socket.messages[-1]
    assert "&lt;b&gt;done" in socket.text_sent()
    assert "<b>done" not in socket.text_sent()


async def test_catching_up_says_what_the_page_lacks(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    await in_thread(write, run_id, ("tool.started", {"tool": "old", "call_id": "1"}), step="0.1")
    await in_thread(write, run_id, ("tool.started", {"tool": "new", "call_id": "2"}), step="0.2")
    socket = await open_socket(f"/ws/runs/{run_id}/?after=1")
    await socket.until(lambda: socket.messages)
    assert 'id="step-0-2"' in socket.messages[0]
    assert 'id="step-0-1"' not in socket.messages[0]


async def test_both_formats_are_served_side_by_side_and_shared(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    pages = [await open_socket(f"/ws/runs/{run_id}/") for _ in range(10)]
    programs = [await open_socket(f"/ws/runs/{run_id}/?format=json") for _ in range(10)]
    await asyncio.sleep(0.2)
    await in_thread(speak, run_id, "word")
    for socket in (*pages, *programs):
        await socket.until(partial(getattr, socket, "messages"))
    assert len({id(socket.raw[0]) for socket in pages}) == 1
    assert len({id(socket.raw[0]) for socket in programs}) == 1


async def test_a_run_that_is_deleted_while_watched_sends_nothing_more(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    socket = await open_socket(f"/ws/runs/{run_id}/")
    await in_thread(Run.objects.filter(pk=run_id).delete)
    await asyncio.sleep(0.2)
    assert (socket.messages, socket.closed) == ([], None)
