"""A viewer: one socket that follows something, in order, without gap or double, or is let go."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from approvals.access import EVERYTHING, Sight
from workflows.live.batches import Batch, Format, Frame

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Refused(Exception):
    """The socket is closed with this code (4000-4999) and reason.

    Args:
        code: The close code; before the handshake ended it becomes an HTTP status (4404: 404).
        reason: At most 123 bytes, shown to whoever reads close frames.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class TooSlow(Exception):
    """The reader does not keep up with what it watches."""


@dataclass(frozen=True)
class Limits:
    """How much may wait for one socket, beside what its transport buffers.

    Frames are shared, so what waits for many costs no more than what waits for the slowest.
    """

    waiting_bytes: int = 4 << 20
    waiting_batches: int = 1000
    # Less than daphne waits for the answer to a ping, after which it hangs up without a code.
    send_seconds: float = 10.0


class Viewer:
    """What one socket has been sent, and the batches that wait for it.

    Args:
        send: The ASGI callable; it returns once the transport can take more.
        form: The format that the socket asked for.
        after: The seq up to which the socket has everything.
        limits: How much may wait for it.
        sight: Which runs the person behind it sees.
    """

    def __init__(
        self, send: Send, form: Format, after: int, limits: Limits, sight: Sight = EVERYTHING
    ) -> None:
        self.sight = sight
        self.form = form
        self.after = after
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.caught_up = False
        self._send = send
        self._limits = limits
        self._waiting: deque[Batch] = deque()
        self._waiting_bytes = 0
        self._changed = asyncio.Event()
        self._overflowed = False

    def offer(self, batch: Batch) -> None:
        """Queue a batch; called on the event loop for each batch, so it must stay cheap."""
        if self._overflowed:
            return
        self._waiting.append(batch)
        self._waiting_bytes += _size(batch.ready(self.form))
        if self._too_much():
            self._drop_waiting()
        self._changed.set()

    def fail(self, failure: Exception) -> None:
        """End the viewer: whoever awaits `failed` gets this."""
        if not self.failed.done():
            self.failed.set_exception(failure)

    async def next_batch(self) -> Batch | None:
        """The next batch; None when some were dropped and the database must be read again."""
        while not self._waiting and not self._overflowed:
            self._changed.clear()
            await self._changed.wait()
        if self._overflowed:
            self._overflowed = False
            return None
        batch = self._waiting.popleft()
        self._waiting_bytes -= _size(batch.ready(self.form))
        return batch

    async def send(self, frames: list[Frame], last: int) -> None:
        """Send frames that bring the socket up to `last`. Raises TooSlow when it takes none."""
        for frame in frames:
            try:
                async with asyncio.timeout(self._limits.send_seconds):
                    await self._send({"type": "websocket.send", "text": frame})
            except TimeoutError:
                raise TooSlow from None
            self.after = max(self.after, frame.seq)
        self.after = max(self.after, last)

    def _too_much(self) -> bool:
        # One batch may be of any size: nobody is slow before there is a second.
        full = self._waiting_bytes > self._limits.waiting_bytes and len(self._waiting) > 1
        return full or len(self._waiting) > self._limits.waiting_batches

    def _drop_waiting(self) -> None:
        """While it catches up it will read on from the database; later it is too slow."""
        self._waiting.clear()
        self._waiting_bytes = 0
        if self.caught_up:
            self.fail(TooSlow())
        else:
            self._overflowed = True


def _size(frames: list[Frame] | None) -> int:
    return sum(map(len, frames)) if frames else 0
