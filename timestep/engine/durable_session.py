"""A session's reads and writes as checkpointed steps, over our own table."""

from __future__ import annotations

from typing import Any

from agents.items import TResponseInputItem
from agents.memory.session import SessionABC
from django.db import transaction

from timestep.engine.execution import durable_scope
from timestep.engine.threads import in_thread
from timestep.models import SessionItem


class DurableSession(SessionABC):
    """The default conversation memory: `SessionItem` rows, in order.

    Inside a run each operation is a step, so that a replay never appends twice; a write that was
    committed but not recorded is recognised by the step that made it.
    """

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """The latest `limit` items (all, if None), oldest first."""
        items: list[TResponseInputItem] = await self._step(_read, limit)
        return items

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Append items."""
        await self._step(_append, [dict(item) for item in items])

    async def pop_item(self) -> TResponseInputItem | None:
        """Remove and return the latest item."""
        item: TResponseInputItem | None = await self._step(_pop, None)
        return item

    async def clear_session(self) -> None:
        """Remove all items."""
        await self._step(_clear, None)

    async def _step(self, operation: Any, argument: Any) -> Any:
        scope = durable_scope()
        if scope is None:
            return await in_thread(operation, self.session_id, argument, "")
        reservation = scope.ids.take()
        execution = scope.execution
        writer = f"{execution.run_id}/{execution.step_name(reservation.step_id)}"

        async def body() -> dict[str, Any]:
            return {"value": await in_thread(operation, self.session_id, argument, writer)}

        return (await reservation.run_async({"name": "session"}, body))["value"]


def _read(session_id: str, limit: int | None, writer: str) -> list[Any]:
    newest_first = SessionItem.objects.filter(session_id=session_id).order_by("-id")
    return [row.item for row in reversed(newest_first[:limit])]


def _append(session_id: str, items: list[Any], writer: str) -> None:
    SessionItem.objects.bulk_create(
        [
            SessionItem(session_id=session_id, item=item, written_by=writer and f"{writer}/{i}")
            for i, item in enumerate(items)
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def _pop(session_id: str, argument: None, writer: str) -> Any:
    last = SessionItem.objects.filter(session_id=session_id).order_by("-id").first()
    if last is None:
        return None
    last.delete()
    return last.item


def _clear(session_id: str, argument: None, writer: str) -> None:
    SessionItem.objects.filter(session_id=session_id).delete()
