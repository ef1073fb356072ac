"""What comes over the wire, paced: the client's own parser reads all that has arrived at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import httpx2

# Of one event: parsing holds the loop, for about a second at 250 MB. The last event of an answer
# holds all of its text once more.
MAX_EVENT_BYTES = 64 * 1024 * 1024
_TURN_SECONDS = 0.002


async def pace(response: httpx2.Response) -> None:
    """Response hook of every client: an event stream gives the loop back between its pieces."""
    kind = response.headers.get("content-type", "")
    stream = response.stream
    if kind.startswith("text/event-stream") and isinstance(stream, httpx2.AsyncByteStream):
        response.stream = _Paced(stream, response.request)


class _Paced(httpx2.AsyncByteStream):
    """A body that other tasks come between, whose lines have an end."""

    def __init__(self, inner: httpx2.AsyncByteStream, request: httpx2.Request) -> None:
        self._inner = inner
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        line, since = 0, time.monotonic()
        async for chunk in self._inner:
            end = chunk.rfind(b"\n")
            line = line + len(chunk) if end < 0 else len(chunk) - end
            if line > MAX_EVENT_BYTES:
                most = f"an event of more than {MAX_EVENT_BYTES:,} bytes"
                raise httpx2.StreamError(f"the model's server sent {most}")
            yield chunk
            if time.monotonic() - since >= _TURN_SECONDS:
                await asyncio.sleep(0)
                since = time.monotonic()

    async def aclose(self) -> None:
        """Close the connection's own stream."""
        await self._inner.aclose()
