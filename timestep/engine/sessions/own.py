"""Our own sessions. Imports no tables: programs name them before they configure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agents import SessionSettings
from agents.items import TResponseInputItem
from agents.memory.session import SessionABC
from agents.memory.session_settings import resolve_session_limit
from django.apps import apps
from django.db import OperationalError, ProgrammingError

from timestep.engine.threads import in_thread
from timestep.errors import InvalidInput, NotConfigured, NotLaunched


class TimestepSession(SessionABC):
    """The default conversation memory, in the same database as the runs.

    Usable from any event loop, in scripts and in plain runs too.

    Args:
        session_id: Name of the conversation.
        session_settings: The SDK's settings; `limit` is how many items are read at most.
    """

    def __init__(self, session_id: str, session_settings: SessionSettings | None = None) -> None:
        if not isinstance(session_id, str) or not session_id.strip():
            raise InvalidInput("session_id", f"give the session's name, not {session_id!r:.40}")
        self.session_id = session_id
        self.session_settings = session_settings or SessionSettings()

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """The latest `limit` items (by default as many as the settings say), oldest first."""
        limit = resolve_session_limit(limit, self.session_settings)
        items: list[TResponseInputItem] = await self._ask("read", limit)
        return items

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Append items."""
        await self._ask("append", [dict(item) for item in items], "")

    async def pop_item(self) -> TResponseInputItem | None:
        """Remove and return the latest item."""
        item: TResponseInputItem | None = await self._ask("pop")
        return item

    async def clear_session(self) -> None:
        """Remove all items."""
        await self._ask("clear")

    async def _ask(self, what: str, *arguments: Any) -> Any:
        """Do one of the functions of `rows` on a database thread."""
        if not apps.ready:
            raise NotConfigured("call configure_dbos() first")
        from timestep.engine.sessions import rows  # noqa: PLC0415 - as the module says

        act: Callable[..., Any] = getattr(rows, what)
        try:
            return await in_thread(act, self.session_id, *arguments)
        except (OperationalError, ProgrammingError) as error:
            # Where the database only is away, the thread has tried again.
            raise NotLaunched("there are no tables yet: call ensure_dbos_launched()") from error
