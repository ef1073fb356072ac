"""A reader that does not keep up is let go, with a code that says so, and can come back."""

from __future__ import annotations

import asyncio

import pytest

from tests.live.conftest import Later, Open
from tests.live.scribe import speak
from workflows.live.batches import Frame
from workflows.live.viewers import Limits, TooSlow, Viewer


@pytest.mark.parametrize(("form", "code"), [("json", 4408), ("html", 1013)])
async def test_too_much_waiting_closes_the_socket_and_nobody_else(
    run_id: str, open_socket: Open, in_thread: Later, form: str, code: int
) -> None:
    slow = await open_socket(f"/ws/runs/{run_id}/?format={form}")
    quick = await open_socket(f"/ws/runs/{run_id}/?format=json")
    await in_thread(speak, run_id, "first ")
    await slow.until(lambda: slow.messages)
    slow.gate.clear()
    for n in range(12):
        await in_thread(speak, run_id, f"{n} " + "x" * 3000)
        await quick.until_seq(n + 2)
    await slow.until(lambda: slow.closed)
    assert slow.closed == (code, "too slow; reconnect with after=1")
    assert quick.closed is None


async def test_who_was_let_go_comes_back_without_gap_or_double(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    slow = await open_socket(f"/ws/runs/{run_id}/?format=json")
    slow.gate.clear()
    for n in range(12):
        await in_thread(speak, run_id, f"{n} " + "x" * 3000)
        await asyncio.sleep(0.05)
    await slow.until(lambda: slow.closed)
    assert slow.closed is not None
    after = int(slow.closed[1].rpartition("=")[2])
    again = await open_socket(f"/ws/runs/{run_id}/?format=json&after={after}")
    await again.until_seq(12)
    assert (slow.text() + again.text()).replace("x", "").split() == [str(n) for n in range(12)]


async def test_while_catching_up_a_reader_may_take_its_time(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    await in_thread(speak, run_id, "0 ")
    slow = await open_socket(f"/ws/runs/{run_id}/?format=json", reading=False)
    quick = await open_socket(f"/ws/runs/{run_id}/?format=json")
    for n in range(1, 12):
        await in_thread(speak, run_id, f"{n} " + "x" * 3000)
        await quick.until_seq(n + 1)
    slow.gate.set()
    await slow.until_seq(12)
    assert slow.text().replace("x", "").split() == [str(n) for n in range(12)]
    assert slow.closed is None


async def test_a_send_that_never_ends_is_given_up() -> None:
    async def never(message: object) -> None:
        await asyncio.sleep(60)

    viewer = Viewer(never, "json", 0, Limits(send_seconds=0.01))
    with pytest.raises(TooSlow):
        await viewer.send([Frame.of("x", 5)], 5)
    assert viewer.after == 0


async def test_after_counts_what_was_sent() -> None:
    sent: list[object] = []

    async def second_fails(message: object) -> None:
        if sent:
            await asyncio.sleep(60)
        sent.append(message)

    viewer = Viewer(second_fails, "json", 0, Limits(send_seconds=0.01))
    with pytest.raises(TooSlow):
        await viewer.send([Frame.of("x", 5), Frame.of("y", 6)], 6)
    assert viewer.after == 5
