"""The socket of the inbox: which requests changed, told once for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from approvals.services.decisions import decide
from tests.approvals.rows import approver, ask, awaiting_run
from tests.live.conftest import Later, Open
from timestep.models import Queue
from timestep.services.audit import Actor
from timestep.services.cancel import cancel
from timestep.services.holds import place
from timestep.services.queues import pause
from workflows.live.approvals import ApprovalsChannel
from workflows.live.batches import FORMATS, Format
from workflows.live.readers import Readers
from workflows.live.viewers import Limits, Send, Viewer

BO = Actor("bo", "page")


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


def _pause() -> None:
    Queue.objects.create(name="mail")
    pause("mail", by=BO, why="down")


@pytest.mark.parametrize(
    "stop", [_pause, partial(place, "tool", "refund", by=BO, why="twice")], ids=["pause", "hold"]
)
async def test_every_page_is_told_what_is_stopped(
    ana: object, open_socket: Open, in_thread: Later, stop: Callable[[], object]
) -> None:
    socket = await open_socket("/ws/approvals/")
    await asyncio.sleep(0.3)
    await in_thread(stop)
    await socket.until(lambda: socket.messages)
    assert [(one["changed"], one["holds"]) for one in socket.events()] == [([], True)]


async def test_pages_are_told_that_the_database_is_away_and_programs_are_not() -> None:
    channel, sent = ApprovalsChannel(), list[tuple[Format, str]]()
    for form in FORMATS:
        viewer = Viewer(_collecting(sent, form), form, 7, Limits())
        channel.viewers.add(viewer)
    for away in (True, False):
        channel.tell_outage(away=away)
        for viewer in channel.viewers:
            if viewer.form == "html":
                batch = await viewer.next_batch()
                assert batch is not None
                await channel._pass_on(batch, viewer, Readers())
    assert sent == [("html", '{"away": true}'), ("html", '{"away": false}')]


def _collecting(sent: list[tuple[Format, str]], form: Format) -> Send:
    async def send(message: dict[str, Any]) -> None:
        sent.append((form, message["text"]))

    return send
