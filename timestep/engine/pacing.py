"""Floods: answers in millions of pieces, which must not hold up the other runs of a process.

What has arrived already is read without waiting, so whoever reads it has to give the loop back by
itself; and what it says is told in larger pieces than it came in.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from timestep.errors import TimestepError

# How long one flood may hold the loop; beside eight of them a neighbour waits eight times that.
TURN_SECONDS = 0.002
# What deltas are gathered for: about as long as the writer waits before it commits a batch.
GATHER_SECONDS = 0.03
# Far above what any model answers (128,000 tokens are about half a million characters).
MAX_ANSWER_CHARACTERS = 20_000_000


class AnswerTooLong(TimestepError):
    """A model does not stop answering."""

    def __init__(self) -> None:
        super().__init__(f"the model's answer is longer than {MAX_ANSWER_CHARACTERS:,} characters")


class Turns:
    """Gives the loop back every `TURN_SECONDS`."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def give(self) -> None:
        """Other tasks go on here where it is their turn."""
        if time.monotonic() - self._since >= TURN_SECONDS:
            await asyncio.sleep(0)
            self._since = time.monotonic()


class Pace:
    """Gives the loop back in turns, and ends what never ends."""

    def __init__(self) -> None:
        self._turns = Turns()
        self._characters = 0

    async def step(self, characters: int = 0) -> None:
        """After each piece.

        Args:
            characters: How long the piece is.

        Raises:
            AnswerTooLong: All pieces together are longer than any answer.
        """
        self._characters += max(1, characters)
        if self._characters > MAX_ANSWER_CHARACTERS:
            raise AnswerTooLong
        await self._turns.give()


class Gathered:
    """Text that is told at once where it comes seldom, and every `GATHER_SECONDS` in a flood.

    Args:
        tell: Told of the text, in order.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._parts: list[str] = []
        self._told_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, text: str) -> None:
        """Tell of a piece, now or a moment later."""
        self._parts.append(text)
        wait = self._told_at + GATHER_SECONDS - time.monotonic()
        if wait <= 0:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait, self.flush)

    def flush(self) -> None:
        """Tell of what was gathered, before something else is told."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._parts:
            text, self._parts = "".join(self._parts), []
            self._told_at = time.monotonic()
            self._tell(text)
