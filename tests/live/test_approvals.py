"""The socket of the inbox: which requests changed, told once for all."""

from __future__ import annotations

import asyncio
from typing import Any

from approvals.services.decisions import decide
from tests.approvals.rows import approver, ask, awaiting_run
from tests.live.conftest import Later, Open
from timestep.services.cancel import cancel


def _ask() -> str:
    return ask(awaiting_run("asking"))[0].pk


def _changed(messages: list[dict[str, Any]]) -> list[Any]:
    return [message["changed"] for message in messages]


async def test_who_watches_is_told_of_a_request_and_of_its_decision(
    ana: object, open_socket: Open, in_thread: Later
) -> None:
    socket = await open_socket("/ws/approvals/")
    await asyncio.sleep(0.3)
    approval_id = await in_thread(_ask)
    await socket.until(lambda: socket.messages)
    await in_thread(lambda: decide(approval_id, approve=True, by=approver("bo")))
    await socket.until(lambda: len(socket.messages) == 2)
    assert _changed(socket.events()) == [[approval_id], [approval_id]]


async def test_who_comes_back_is_told_what_was_missed_and_no_more(
    ana: object, open_socket: Open, in_thread: Later
) -> None:
    approval_id = await in_thread(_ask)
    first = await open_socket("/ws/approvals/?after=0")
    await first.until(lambda: first.messages)
    seq = first.events()[0]["seq"]
    await in_thread(lambda: cancel("asking", by="bo"))
    again = await open_socket(f"/ws/approvals/?after={seq}")
    await again.until(lambda: again.messages)
    assert _changed(again.events()) == [[approval_id]]


async def test_nobody_who_is_not_signed_in_watches(open_socket: Open) -> None:
    socket = await open_socket("/ws/approvals/", cookie="")
    assert socket.closed is not None
    assert socket.closed[0] == 4401
