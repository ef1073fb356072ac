"""Whole streams: a model's answer is an answer only once it has said that it is complete.

The SDK yields whatever arrived and ends without a word when a connection is closed cleanly in the
middle of an answer. An agent run must not take half an answer for a whole one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

from agents.items import TResponseStreamEvent
from openai.types.responses import (
    ResponseCompletedEvent,
    ResponseErrorEvent,
    ResponseFailedEvent,
    ResponseIncompleteEvent,
)

from timestep.errors import TimestepError

# A server that leaves the stream open longer has its connection closed.
_DRAIN_SECONDS = 0.1


class StreamBroken(TimestepError):
    """The stream ended before the model had said that its answer is complete."""


class AnswerFailed(TimestepError):
    """The model's server ended the stream with an error instead of an answer.

    Args:
        code: The server's error code, or an empty string.
        message: The server's message.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AnswerIncomplete(TimestepError):
    """The model stopped before its answer was complete: out of tokens, or filtered."""


async def whole(
    events: AsyncIterator[TResponseStreamEvent],
) -> AsyncGenerator[TResponseStreamEvent, None]:
    """Pass on the events of one answer, up to its completion.

    Raises:
        StreamBroken: The events ended without a completed answer.
        AnswerFailed: The server sent an error instead.
        AnswerIncomplete: The model stopped early.
    """
    try:
        async for event in events:
            _refuse_failure(event)
            completed = isinstance(event, ResponseCompletedEvent)
            if completed:
                await _drain(events)
            yield event
            if completed:
                return
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()
    raise StreamBroken("the stream ended before the model had completed its answer")


async def _drain(events: AsyncIterator[TResponseStreamEvent]) -> None:
    """Read what follows a completed answer, which is nothing but the end of the stream.

    A connection is used again only when its answer was read to the end; without this every
    model call would pay for a new one.
    """
    # Whatever goes wrong now: the answer is whole.
    with suppress(Exception):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in events:
                await asyncio.sleep(0)


def _refuse_failure(event: TResponseStreamEvent) -> None:
    if isinstance(event, ResponseErrorEvent):
        raise AnswerFailed(event.code or "", event.message)
    if isinstance(event, ResponseFailedEvent):
        error = event.response.error
        if error is None:
            raise AnswerFailed("", "the model's server says that the response failed")
        raise AnswerFailed(error.code, error.message)
    if isinstance(event, ResponseIncompleteEvent):
        details = event.response.incomplete_details
        why = details.reason if details and details.reason else "no reason given"
        raise AnswerIncomplete(f"the model's answer is incomplete: {why}")
