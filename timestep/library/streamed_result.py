"""A result that streams. Imports no tables: programs name it before they configure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol

from agents import StreamEvent

from timestep.library.agent_result import AgentResult


class Events(Protocol):
    """Where the events come from."""

    def until(self, finished: asyncio.Future[Any]) -> AsyncIterator[StreamEvent]:
        """The events, until the run has finished and all are read."""

    def close(self) -> None:
        """No more are wanted."""


class StreamedResult:
    """A run under way.

    `stream_events()` yields the SDK's stream events, once; after that, or after `await
    wait()`, the attributes of an `AgentResult` are there.

    Args:
        run_id: The run.
        events: Its events.
        finishing: Waits for its result.
    """

    def __init__(
        self, run_id: str, events: Events, finishing: Coroutine[Any, Any, AgentResult]
    ) -> None:
        self.run_id = run_id
        self.is_complete = False
        self._events = events
        self._result: AgentResult | None = None
        self._finished = asyncio.ensure_future(self._finish(finishing))

    async def stream_events(self) -> AsyncIterator[StreamEvent]:
        """The run's events, live, until it has ended or waits for decisions.

        Raises:
            RunFailed, RunTimedOut, RunCancelled: How it ended, after the last event.
        """
        async for event in self._events.until(self._finished):
            yield event
        await self.wait()

    async def wait(self) -> AgentResult:
        """The result, once there is one; raises how the run ended instead."""
        return await asyncio.shield(self._finished)

    def __getattr__(self, name: str) -> Any:
        # Only names that the class lacks come here: those of the result.
        if name.startswith("_"):
            raise AttributeError(name)
        if self._result is None:
            raise AttributeError(f"{name}: the run has not ended; read its events, or wait()")
        return getattr(self._result, name)

    async def _finish(self, finishing: Coroutine[Any, Any, AgentResult]) -> AgentResult:
        try:
            self._result = await finishing
            return self._result
        finally:
            self.is_complete = True
            self._events.close()
