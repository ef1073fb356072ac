"""Our own sessions: rows in the database of the runs."""

from __future__ import annotations

from typing import Any

from agents import SessionSettings
from agents.items import TResponseInputItem
from agents.memory.session import SessionABC
from agents.memory.session_settings import resolve_session_limit
from django.db import transaction

from timestep.engine.threads import in_thread
from timestep.models import SessionItem, SessionWrite


class TimestepSession(SessionABC):
    """The default conversation memory, in the same database as the runs.

    Usable from any event loop, in scripts and in plain runs too.

    Args:
        session_id: Name of the conversation.
        session_settings: The SDK's settings; `limit` is how many items are read at most.
    """

    def __init__(self, session_id: str, session_settings: SessionSettings | None = None) -> None:
        self.session_id = session_id
        self.session_settings = session_settings or SessionSettings()

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """The latest `limit` items (by default as many as the settings say), oldest first."""
        limit = resolve_session_limit(limit, self.session_settings)
        items: list[TResponseInputItem] = await in_thread(read, self.session_id, limit)
        return items

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Append items."""
        await in_thread(append, self.session_id, [dict(item) for item in items], "")

    async def pop_item(self) -> TResponseInputItem | None:
        """Remove and return the latest item."""
        item: TResponseInputItem | None = await in_thread(pop, self.session_id)
        return item

    async def clear_session(self) -> None:
        """Remove all items."""
        await in_thread(clear, self.session_id)


def read(session_id: str, limit: int | None) -> list[Any]:
    """The latest items of a session, oldest first."""
    newest_first = SessionItem.objects.filter(session_id=session_id).order_by("-id")
    return [row.item for row in reversed(newest_first[:limit])]


def append(session_id: str, items: list[Any], writer: str) -> None:
    """Append items; a writer that appended before adds nothing.

    Args:
        session_id: The session.
        items: What to append.
        writer: `<run id>/<step>`, or empty for a writer that never repeats itself.
    """
    SessionItem.objects.bulk_create(
        [
            SessionItem(session_id=session_id, item=item, written_by=writer and f"{writer}/{i}")
            for i, item in enumerate(items)
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def pop(session_id: str) -> Any:
    """Take the latest item away; None where there is none."""
    last = SessionItem.objects.filter(session_id=session_id).order_by("-id").first()
    if last is None:
        return None
    last.delete()
    return last.item


@transaction.atomic
def pop_once(session_id: str, run_id: str, step: str) -> Any:
    """Take the latest item away as a step of a run; the same step again gives the same item."""
    done = SessionWrite.objects.filter(run_id=run_id, step=step).first()
    if done is not None:
        return done.taken
    item = pop(session_id)
    SessionWrite.objects.create(run_id=run_id, step=step, mark={}, taken=item)
    return item


def clear(session_id: str) -> None:
    """Delete all items of a session."""
    SessionItem.objects.filter(session_id=session_id).delete()
