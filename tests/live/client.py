"""A websocket client without a network: it speaks ASGI with the application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from workflows.live.sockets import LiveApplication


class Socket:
    """One connection. `gate` closed means: a reader that does not read."""

    def __init__(
        self,
        app: LiveApplication,
        path: str,
        cookie: str = "",
        origin: str = "",
        host: str = "",
        reading: bool = True,
    ) -> None:
        self.messages: list[str] = []
        self.raw: list[object] = []
        self.accepted = False
        self.closed: tuple[int, str] | None = None
        self.gate = asyncio.Event()
        if reading:
            self.gate.set()
        self._changed = asyncio.Event()
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._incoming.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(
            app(_scope(path, cookie, origin, host), self._incoming.get, self._send)
        )

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            await self.gate.wait()
            self.raw.append(message["text"])
            self.messages.append(str(message["text"]))
        elif message["type"] == "websocket.accept":
            self.accepted = True
        else:
            self.closed = (message["code"], message["reason"])
        self._changed.set()

    async def until(self, condition: Callable[[], object], seconds: float = 10) -> None:
        """Wait for something to be true after a message or a close."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_seq(self, seq: int) -> list[dict[str, Any]]:
        """Wait for the event with this seq; all events so far."""
        await self.until(lambda: self.messages and self.events()[-1]["seq"] >= seq)
        return self.events()

    def events(self) -> list[dict[str, Any]]:
        """The messages, as JSON."""
        return [json.loads(message) for message in self.messages]

    def text(self) -> str:
        """The text of all deltas."""
        return "".join(event["payload"].get("text", "") for event in self.events())

    def text_sent(self) -> str:
        """All messages as one text."""
        return "".join(self.messages)

    async def leave(self) -> None:
        """Disconnect, and wait for the application's end."""
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self.task


def _scope(path: str, cookie: str, origin: str, host: str) -> dict[str, Any]:
    headers = [(b"host", (host or "localhost:8000").encode())]
    if cookie:
        headers.append((b"cookie", f"other=1; sessionid={cookie}".encode()))
    if origin:
        headers.append((b"origin", origin.encode()))
    path, _, query = path.partition("?")
    return {
        "type": "websocket", "path": path, "root_path": "", "query_string": query.encode(),
        "headers": headers,
    }  # fmt: skip
