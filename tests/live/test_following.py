"""Catching up and following: no gap, no double, in order, whenever one joins."""

from __future__ import annotations

import asyncio

import pytest

from tests.live.conftest import Later, Open
from tests.live.scribe import finish_step, make_run, speak, write

WORDS = 150


async def test_what_was_missed_comes_first_and_then_what_happens(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    await in_thread(write, run_id, ("status", {"status": "queued"}))
    socket = await open_socket(f"/ws/runs/{run_id}/?after=0&format=json")
    await socket.until_seq(1)
    await in_thread(write, run_id, ("status", {"status": "running"}))
    events = await socket.until_seq(2)
    assert [event["payload"] for event in events] == [{"status": "queued"}, {"status": "running"}]
    assert list(events[0]) == ["seq", "kind", "payload", "at"]


async def test_consecutive_deltas_come_as_one_with_the_last_seq(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    await in_thread(speak, run_id, "a", "b", "c")
    await in_thread(speak, run_id, "d", attempt=1)
    socket = await open_socket(f"/ws/runs/{run_id}/?format=json")
    events = await socket.until_seq(4)
    assert [(event["seq"], event["payload"]["text"]) for event in events] == [(3, "abc"), (4, "d")]
    assert [event["payload"]["attempt"] for event in events] == [0, 1]


@pytest.mark.parametrize("after", [0, WORDS // 2])
async def test_every_word_once_and_in_order_while_writers_race(
    run_id: str, open_socket: Open, in_thread: Later, after: int
) -> None:
    async def write_all(step: str) -> None:
        for n in range(WORDS // 3):
            await in_thread(speak, run_id, f"{step}:{n} ", step=step)

    writing = asyncio.gather(*(write_all(step) for step in ("0.1", "0.2", "0.3")))
    await asyncio.sleep(0.1)
    sockets = [await open_socket(f"/ws/runs/{run_id}/?after={after}&format=json") for _ in "12345"]
    await writing
    for socket in sockets:
        events = await socket.until_seq(WORDS)
        seqs = [event["seq"] for event in events]
        assert seqs == sorted(set(seqs))
        assert len(socket.text().split()) == WORDS - after
        for step in ("0.1", "0.2", "0.3"):
            said = [word for word in socket.text().split() if word.startswith(step)]
            numbers = [int(word.split(":")[1]) for word in said]
            # Whichever half of the words a step got, they are its last ones, without a gap.
            assert numbers == list(range(WORDS // 3 - len(numbers), WORDS // 3))


async def test_many_who_come_and_go_have_all_in_the_end(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    async def come_and_go() -> str:
        heard, after = "", 0
        while after < WORDS:
            socket = await open_socket(f"/ws/runs/{run_id}/?after={after}&format=json")
            await socket.until_seq(min(after + 25, WORDS))
            after = socket.events()[-1]["seq"]
            heard += socket.text()
            await socket.leave()
        return heard

    everyone = asyncio.gather(*(come_and_go() for _ in range(8)))
    for n in range(WORDS // 5):
        await in_thread(speak, run_id, *(f"{n * 5 + k} " for k in range(5)))
    expected = "".join(f"{n} " for n in range(WORDS))
    assert await everyone == [expected] * 8


async def test_after_inside_a_folded_step_gives_its_final_event(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    await in_thread(speak, run_id, "a", "b", "c")
    await in_thread(finish_step, run_id, "abc")
    socket = await open_socket(f"/ws/runs/{run_id}/?after=2&format=json")
    events = await socket.until_seq(4)
    assert [(event["seq"], event["kind"]) for event in events] == [(4, "model.finished")]


async def test_a_cursor_ahead_of_the_run_waits_until_the_run_gets_there(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    socket = await open_socket(f"/ws/runs/{run_id}/?after=3&format=json")
    await in_thread(speak, run_id, "a", "b", "c", "d", "e")
    await socket.until_seq(5)
    assert [event["payload"]["text"] for event in socket.events()] == ["de"]


async def test_a_long_history_comes_in_pages(
    run_id: str, open_socket: Open, in_thread: Later
) -> None:
    await in_thread(write, run_id, *[("handoff", {"to": str(n)}) for n in range(1201)])
    socket = await open_socket(f"/ws/runs/{run_id}/?format=json")
    events = await socket.until_seq(1201)
    assert [event["seq"] for event in events] == list(range(1, 1202))


async def test_runs_do_not_mix(run_id: str, open_socket: Open, in_thread: Later) -> None:
    await in_thread(make_run, "run-2")
    first = await open_socket(f"/ws/runs/{run_id}/?format=json")
    second = await open_socket("/ws/runs/run-2/?format=json")
    await in_thread(speak, "run-2", "two")
    await in_thread(speak, run_id, "one")
    await first.until_seq(1)
    await second.until_seq(1)
    assert (first.text(), second.text()) == ("one", "two")


async def test_lone_surrogates_do_not_break_the_socket(
    run_id: str, open_socket: Open, in_thread: Later, test_database: str
) -> None:
    text = "\ud800" if test_database == "sqlite" else "\U0001f600"
    await in_thread(speak, run_id, f"<b>{text}")
    socket = await open_socket(f"/ws/runs/{run_id}/")
    await socket.until(lambda: socket.messages)
    assert "&lt;b&gt;" in socket.messages[0]
    socket.messages[0].encode()
