"""The websockets: `/ws/runs/<run id>/?after=<seq>` and `/ws/runs/`, both with `&format=json`.

A raw ASGI application: consumers would cost more than all the rest for each message and viewer.
It carries; what is sent is made in `batches` and `lists`, who may connect is said in `access`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from django.db import DatabaseError

from timestep.errors import InvalidInput
from timestep.events.feed import parse_cursor
from workflows.live.access import (
    NO_SUCH_RUN,
    Visitor,
    require_own_origin,
    require_run,
    require_visitor,
    session_key,
)
from workflows.live.approvals import ApprovalsChannel
from workflows.live.batches import FORMATS, Format
from workflows.live.channels import Channel, FeedChannel, ListChannel
from workflows.live.listener import Listener
from workflows.live.sessions import SessionWatch
from workflows.live.viewers import Limits, Refused, Send, TooSlow, Viewer

logger = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]

# htmx connects again by itself after 1013 ("try again later") and after none of ours.
TOO_SLOW: dict[Format, int] = {"json": 4408, "html": 1013}
TRY_AGAIN = 1013
FAILED = 1011


@dataclass(frozen=True)
class Route:
    """An address, and the feed that it serves; None: the events of the run that it names."""

    path: str
    feed: type[FeedChannel] | None = None

    def match(self, path: str) -> re.Match[str] | None:
        """The match of a whole path."""
        pattern = re.escape(self.path).replace("<run_id>", "(?P<run_id>[A-Za-z0-9._-]{1,128})")
        return re.fullmatch(pattern, path)


ROUTES = (
    Route("/ws/runs/", ListChannel),
    Route("/ws/runs/<run_id>/"),
    Route("/ws/approvals/", ApprovalsChannel),
)


@dataclass(frozen=True)
class Wanted:
    """What a request asks to watch: a run, or a feed of what changes in many."""

    run_id: str | None
    feed: type[FeedChannel] | None
    after: int
    form: Format


def read_request(scope: Scope) -> Wanted:
    """Read path and query. Raises Refused with 4404 or 4400 and the parameter at fault."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    found = next(((route, match) for route in ROUTES if (match := route.match(path))), None)
    if found is None:
        raise NO_SUCH_RUN
    route, match = found
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    form = query.get("format", ["html"])[-1]
    known = next((one for one in FORMATS if one == form), None)
    if known is None:
        raise Refused(4400, "format: must be html or json")
    try:
        after = parse_cursor(query.get("after", ["0"])[-1])
    except InvalidInput as error:
        raise Refused(4400, str(error)) from None
    return Wanted(match.groupdict().get("run_id"), route.feed, after, known)


def admit(scope: Scope) -> tuple[Wanted, Visitor]:
    """What is asked, and by whom, where they may watch it. Reads the database; raises Refused."""
    require_own_origin(scope)
    visitor = require_visitor(session_key(dict(scope["headers"])))
    wanted = read_request(scope)
    if wanted.run_id is not None:
        require_run(wanted.run_id, visitor.sight)
    return wanted, visitor


class LiveApplication:
    """Serves all websockets of a process."""

    def __init__(self, limits: Limits | None = None, session_check_seconds: float = 60.0) -> None:
        self._limits = limits or Limits()
        self._session_check_seconds = session_check_seconds
        self._service: tuple[asyncio.AbstractEventLoop, Listener, SessionWatch] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until it is closed."""
        _, listener, sessions = self._on_this_loop()
        await receive()
        viewer: Viewer | None = None
        try:
            wanted, visitor = await listener.readers.run(admit, scope)
            viewer = Viewer(send, wanted.form, wanted.after, self._limits, visitor.sight)
            await send({"type": "websocket.accept"})
            with sessions.watching(visitor, viewer):
                await _until_closed(receive, viewer, self._follow(wanted, viewer, listener))
        except Refused as refused:
            await _close(send, refused.code, refused.reason)
        except TooSlow:
            await _close_slow(send, viewer)
        except DatabaseError as error:
            logger.warning("live: the database is out of reach: %s", error)
            await _close(send, TRY_AGAIN, "the database is out of reach; try again later")
        except Exception:  # A page that cannot be rendered; the socket alone is at fault.
            logger.exception("live: a socket failed")
            await _close(send, FAILED, "this cannot be shown; reload the page")

    def close(self) -> None:
        """End the threads (in tests)."""
        if self._service is not None:
            self._service[1].close()

    def _on_this_loop(self) -> tuple[asyncio.AbstractEventLoop, Listener, SessionWatch]:
        loop = asyncio.get_running_loop()
        if self._service is None or self._service[0] is not loop:
            listener = Listener()
            watch = SessionWatch(listener.readers, self._session_check_seconds)
            self._service = (loop, listener, watch)
        return self._service

    async def _follow(self, wanted: Wanted, viewer: Viewer, listener: Listener) -> None:
        watching: AbstractAsyncContextManager[Channel]
        if wanted.feed is not None:
            viewer.after = wanted.after if wanted.feed.resumes else 0
            watching = listener.watching_feed(wanted.feed, viewer)
        else:
            watching = listener.watching_run(wanted.run_id or "", viewer)
        async with watching as channel:
            await channel.follow(viewer, listener.readers)


async def _until_closed(
    receive: Receive, viewer: Viewer, following: Coroutine[Any, Any, None]
) -> None:
    """Follow until the other side goes away, or raise what ended it here."""
    tasks = [asyncio.ensure_future(following), asyncio.ensure_future(_until_disconnect(receive))]
    try:
        done, _ = await asyncio.wait([*tasks, viewer.failed], return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        viewer.failed.cancel()


async def _until_disconnect(receive: Receive) -> None:
    """Messages of clients are read, so that none pile up, and mean nothing."""
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _close_slow(send: Send, viewer: Viewer | None) -> None:
    if viewer is not None:
        reason = f"too slow; reconnect with after={viewer.after}"
        await _close(send, TOO_SLOW[viewer.form], reason)


async def _close(send: Send, code: int, reason: str) -> None:
    await send({"type": "websocket.close", "code": code, "reason": reason})
