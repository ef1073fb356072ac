"""Streaming a run: the SDK's own events while it executes here, its recorded text elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from agents import RawResponsesStreamEvent, StreamEvent
from openai.types.responses import ResponseTextDeltaEvent

from timestep.ids import time_ordered
from timestep.library.beginning import begun, bond_in, finished
from timestep.library.following import events_until
from timestep.library.orders import Order
from timestep.library.program import Program
from timestep.library.streamed_result import StreamedResult
from timestep.library.waiting_events import Waiting
from timestep.models import DELTA_KIND


async def streamed(program: Program, order: Order) -> StreamedResult:
    """Begin what is ordered, and listen from before its first event."""
    bond = bond_in(order)
    run_id = bond.run_id if bond else order.workflow_id
    run_id = time_ordered("run") if run_id is None else run_id
    order = replace(order, workflow_id=run_id)
    relay = _Relayed(program, run_id)
    try:
        run = await begun(program, order)
    except BaseException:
        relay.close()
        raise
    events: _Relayed | _Recorded = relay
    if run.reserved_for != program.worker.worker_id:
        relay.close()
        events = _Recorded(run_id)
    return StreamedResult(run_id, events, finished(program, run_id, order.agent))


class _Relayed:
    """What a run's execution tells, handed from its event loop to the caller's."""

    def __init__(self, program: Program, run_id: str) -> None:
        self._waiting = Waiting()
        self._arrived = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._listening = contextlib.ExitStack()
        self._listening.enter_context(program.worker.executions.listening(run_id, self._tell))

    def close(self) -> None:
        """Listen no more."""
        self._listening.close()

    async def until(self, finished: asyncio.Future[Any]) -> AsyncIterator[StreamEvent]:
        """The events, until the run has finished and all are read."""
        finished.add_done_callback(lambda _: self._arrived.set())
        while True:
            ended = finished.done()
            self._arrived.clear()
            for event in self._waiting.taken():
                yield event
            if ended:
                return
            await self._arrived.wait()

    def _tell(self, event: StreamEvent) -> None:
        if self._waiting.add(event):
            with contextlib.suppress(RuntimeError):  # The caller's loop has ended before the run.
                self._loop.call_soon_threadsafe(self._arrived.set)


class _Recorded:
    """The text of a run that executes in another process, from its recorded events."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id

    def close(self) -> None:
        """Nothing is held."""

    async def until(self, finished: asyncio.Future[Any]) -> AsyncIterator[StreamEvent]:
        """The text as it is recorded, until the run has finished."""
        number = 0
        async for event in events_until(self._run_id, 0, finished.done):
            if event["kind"] == DELTA_KIND:
                number += 1
                yield RawResponsesStreamEvent(_delta(event["payload"]["text"], number))


def _delta(text: str, number: int) -> ResponseTextDeltaEvent:
    return ResponseTextDeltaEvent(
        type="response.output_text.delta",
        delta=text,
        item_id="recorded",
        output_index=0,
        content_index=0,
        sequence_number=number,
        logprobs=[],
    )
