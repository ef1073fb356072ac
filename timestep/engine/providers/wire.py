"""What comes over the wire before the client's own parser reads it: paced, and to its end.

Both are response hooks of `httpx2` clients, and look at event streams alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

from timestep.engine.pacing import Turns

# Of one event: parsing holds the loop, for about a second at 250 MB. The last event of an answer
# holds all of its text once more.
MAX_EVENT_BYTES = 64 * 1024 * 1024
_DONE = b"[DONE]"


async def pace(response: httpx2.Response) -> None:
    """Response hook of every client: an event stream gives the loop back between its pieces.

    The parser reads all that has arrived at once.
    """
    _pass_through(_Paced, response)


async def expect_done(response: httpx2.Response) -> None:
    """Response hook of a Chat Completions client: an event stream must end with `[DONE]`.

    The SDK takes a cleanly closed connection for the end of the answer on every server except
    OpenAI's own; this turns one that came too early into a broken stream.
    """
    _pass_through(_UntilDone, response)


class _Body(httpx2.AsyncByteStream):
    """A body that is looked at as it passes."""

    def __init__(self, inner: httpx2.AsyncByteStream, request: httpx2.Request) -> None:
        self._inner = inner
        self._request = request

    async def aclose(self) -> None:
        """Close the connection's own stream."""
        await self._inner.aclose()


def _pass_through(body: type[_Body], response: httpx2.Response) -> None:
    kind = response.headers.get("content-type", "")
    stream = response.stream
    if kind.startswith("text/event-stream") and isinstance(stream, httpx2.AsyncByteStream):
        response.stream = body(stream, response.request)


class _Paced(_Body):
    """A body that other tasks come between, whose lines have an end."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        line, turns = 0, Turns()
        async for chunk in self._inner:
            end = chunk.rfind(b"\n")
            line = line + len(chunk) if end < 0 else len(chunk) - end
            if line > MAX_EVENT_BYTES:
                most = f"an event of more than {MAX_EVENT_BYTES:,} bytes"
                raise httpx2.StreamError(f"the model's server sent {most}")
            yield chunk
            await turns.give()


class _UntilDone(_Body):
    """A body that fails when it ends without the marker."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        tail = b""
        async for chunk in self._inner:
            tail = (tail + chunk)[-64:]
            yield chunk
        if _DONE not in tail:
            raise httpx2.RemoteProtocolError("the stream ended early", request=self._request)
