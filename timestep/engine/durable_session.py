"""A session's reads and writes as checkpointed steps, whatever kind of session it is."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from agents import OpenAIConversationsSession
from agents.items import TResponseInputItem
from agents.memory import Session
from agents.memory.session import SessionABC
from sqlalchemy.exc import InterfaceError, OperationalError

from timestep.engine.execution import Execution, durable_scope
from timestep.engine.providers import backoff_seconds, describe_failure
from timestep.engine.sessions import close_session, open_session, rows, writes
from timestep.engine.sessions.own import TimestepSession
from timestep.engine.sessions.tails import missing, tail_of
from timestep.engine.threads import in_thread
from timestep.engine.tool_starts import RunLost
from timestep.outages import Outage, outage

MAX_TRIES = 6
_DATABASE_AWAY = (sqlite3.OperationalError, OperationalError, InterfaceError)

Body = Callable[[Execution, str], Awaitable[Any]]


class SessionFailed(Exception):
    """A session could not be read or written; the message is bounded and without secrets."""


class DurableSession(SessionABC):
    """Any session, for use inside a run: each operation is a step.

    A step that is executed again does not change the session again: see docs/how-to/sessions.md
    for how that is known of each kind. Outside a run the session is used plainly.

    Args:
        session: The session to use, opened on the running event loop.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.session_id = session.session_id
        self.session_settings = session.session_settings

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """The latest `limit` items (by default as many as the session's settings say)."""

        async def body(execution: Execution, step: str) -> Any:
            return await self.session.get_items(limit)

        items: list[TResponseInputItem] = await self._step(
            body, lambda: self.session.get_items(limit)
        )
        return items

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Append items, once."""
        wanted = [dict(item) for item in items]

        async def body(execution: Execution, step: str) -> None:
            if isinstance(self.session, TimestepSession):
                writer = f"{execution.run_id}/{step}"
                await in_thread(rows.append, self.session.session_id, wanted, writer)
            else:
                await _append_once(self.session, execution, step, wanted)

        await self._step(body, lambda: self.session.add_items(items))

    async def pop_item(self) -> TResponseInputItem | None:
        """Remove and return the latest item, once."""

        async def body(execution: Execution, step: str) -> Any:
            if isinstance(self.session, TimestepSession):
                name = self.session.session_id
                return await in_thread(rows.pop_once, name, execution.run_id, step)
            return await _pop_once(self.session, execution, step)

        item: TResponseInputItem | None = await self._step(body, self.session.pop_item)
        return item

    async def clear_session(self) -> None:
        """Remove all items; doing it again changes nothing."""

        async def body(execution: Execution, step: str) -> None:
            await execution.keep_lease()
            await self.session.clear_session()

        await self._step(body, self.session.clear_session)

    async def _step(self, body: Body, plainly: Callable[[], Awaitable[Any]]) -> Any:
        scope = durable_scope()
        if scope is None:
            return await plainly()
        reservation = scope.session_ids.take()
        execution = scope.execution
        step = execution.step_name(reservation.step_id)

        async def tried() -> dict[str, Any]:
            number = 0
            while True:
                try:
                    return {"value": await body(execution, step)}
                except Exception as error:  # noqa: BLE001 - any backend's error: retried, or the run's
                    # However long a disk is full: its run must not fail for that.
                    number += outage(error) is not Outage.FULL
                    await self._wait_or_fail(execution, reservation.step_id, number, error)

        return (await reservation.run_async({"name": "session"}, tried))["value"]

    async def _wait_or_fail(
        self, execution: Execution, step_id: int, number: int, error: Exception
    ) -> None:
        failure = describe_failure(error)
        retryable = failure.retryable or isinstance(error, _DATABASE_AWAY)
        if isinstance(error, RunLost):
            await execution.lose()
        if not retryable or number == MAX_TRIES:
            failed = SessionFailed(failure.message).with_traceback(error.__traceback__)
            await execution.fail(f"session {self.session_id}", step_id, failed)
        await asyncio.sleep(backoff_seconds(max(1, number), failure.retry_after, random))


class DurableConversation(DurableSession, OpenAIConversationsSession):
    """A conversation: the SDK treats what it keeps there in its own way, and asks by type."""

    def __init__(self, session: OpenAIConversationsSession) -> None:
        DurableSession.__init__(self, session)

    async def clear_session(self) -> None:
        """Refused: at OpenAI it would delete the conversation that the run belongs to."""
        raise SessionFailed("a run cannot clear a conversation at OpenAI: that would delete it")


def durable(session: Session) -> DurableSession:
    """The session for use inside a run."""
    if isinstance(session, OpenAIConversationsSession):
        return DurableConversation(session)
    return DurableSession(session)


@asynccontextmanager
async def session_of(
    session_id: str | None, description: dict[str, Any] | None
) -> AsyncIterator[DurableSession | None]:
    """A run's session, opened on the running event loop for as long as the block lasts.

    Args:
        session_id: `Run.session_id`; None gives None.
        description: `Run.session_spec`.

    Raises:
        SessionNotOpened: This process lacks what the session needs.
    """
    if session_id is None:
        yield None
        return
    # Opening a file can take a while, and must not hold up the other runs of the process.
    session = await asyncio.to_thread(open_session, session_id, description)
    try:
        yield durable(session)
    finally:
        await close_session(session)


async def _append_once(
    session: Session, execution: Execution, step: str, wanted: list[Any]
) -> None:
    tail = tail_of(session)
    note = await in_thread(writes.find, execution.run_id, step)
    if note is None:
        note = writes.Note(await tail.mark())
        await in_thread(writes.keep, execution.run_id, execution.epoch, step, note)
        left = wanted
    else:
        after = await tail.since(note.mark, len(wanted))
        left = missing(wanted, after, tail.sizes(len(wanted)))
    if left:
        await execution.keep_lease()
        await session.add_items(left)


async def _pop_once(session: Session, execution: Execution, step: str) -> Any:
    tail = tail_of(session)
    note = await in_thread(writes.find, execution.run_id, step)
    if note is None:
        last = await session.get_items(1)
        note = writes.Note(await tail.mark(), last[0] if last else None)
        await in_thread(writes.keep, execution.run_id, execution.epoch, step, note)
    if note.taken is not None and await tail.mark() == note.mark:
        await execution.keep_lease()
        await session.pop_item()
    return note.taken
