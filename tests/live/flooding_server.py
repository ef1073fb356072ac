"""A server for the tests of `workflows.live.server`: it refuses, floods or sends on request."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from workflows.live.server import LiveServer  # isort: skip
from daphne.endpoints import build_endpoint_description_strings

from workflows.live.batches import Frame

FLOOD = 4000
SIZE = 10_000


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """`/refuse/<code>`, `/flood` (until sending takes a second) or `/frames`."""
    await receive()
    _, act, *words = scope["path"].split("/")
    if act == "refuse":
        await send({"type": "websocket.close", "code": int(words[0]), "reason": "not for you"})
        return
    await send({"type": "websocket.accept"})
    await (_flood(send) if act == "flood" else _frames(send))
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _flood(send: Any) -> None:
    for n in range(FLOOD):
        try:
            async with asyncio.timeout(1):
                await send({"type": "websocket.send", "text": Frame.of(f"{n} ".ljust(SIZE), n)})
        except TimeoutError:
            reason = f"too slow; reconnect with after={n}"
            await send({"type": "websocket.close", "code": 4408, "reason": reason})
            return


async def _frames(send: Any) -> None:
    for size in (1, 125, 126, 65535, 65536, 2_000_000):
        await send({"type": "websocket.send", "text": Frame.of("é" * size, size)})
    await send({"type": "websocket.send", "text": "plain"})
    await send({"type": "websocket.close", "code": 1013, "reason": "later"})


if __name__ == "__main__":
    endpoints = build_endpoint_description_strings(host="127.0.0.1", port=int(sys.argv[1]))
    LiveServer(application, endpoints=endpoints).run()
