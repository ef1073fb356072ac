"""The site, and beside it on the same daphne a raw ASGI broadcast at `/raw/` to compare with.

A viewer of `/raw/` that sends `<rounds> <size>` has so many messages broadcast to all of them.
"""

from __future__ import annotations

import asyncio
from typing import Any

from timestep_site.asgi import application as site

_senders: set[Any] = set()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve the site, or the raw broadcast."""
    if scope["type"] == "websocket" and scope["path"] == "/raw/":
        await _raw(receive, send)
    else:
        await site(scope, receive, send)


async def _raw(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    _senders.add(send)
    try:
        while (message := await receive())["type"] != "websocket.disconnect":
            rounds, size = map(int, message["text"].split())
            for n in range(rounds):
                await _broadcast(f"{n} ".ljust(size, "x"))
    finally:
        _senders.discard(send)


async def _broadcast(text: str) -> None:
    for send in tuple(_senders):
        await send({"type": "websocket.send", "text": text})
    await asyncio.sleep(0)
