"""Writing a run's status changes and events in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from timestep.errors import RunNotFound
from timestep.models import Run, RunEvent, RunStatus
from timestep.notify import notify_events
from timestep.storable import storable


def change_status(run_id: str, allowed: Iterable[str], to: RunStatus, **fields: Any) -> bool:
    """Move a run to another status if it still has one of the allowed ones (compare and swap).

    Args:
        run_id: The run.
        allowed: Statuses from which the change may happen.
        to: The new status.
        fields: Further columns to set in the same statement.

    Returns:
        Whether this caller made the change; False means that somebody else was first.
    """
    changed = Run.objects.filter(run_id=run_id, status__in=list(allowed)).update(
        status=to, **fields
    )
    return bool(changed)


# Written out: the ORM has no UPDATE … RETURNING, and this is in the way of every decision.
_TAKE_NUMBERS = (
    "UPDATE timestep_run SET last_seq = last_seq + %s WHERE run_id = %s RETURNING last_seq"
)


def record_event(run_id: str, kind: str, payload: dict[str, Any]) -> RunEvent:
    """Append one event to a run; see `record_events`."""
    return record_events(run_id, (kind, payload))[0]


def record_events(run_id: str, *events: tuple[str, dict[str, Any]]) -> list[RunEvent]:
    """Append events to a run, numbered within the caller's transaction.

    The update of `last_seq` locks the run's row, so numbers of one run are committed in order.

    Args:
        run_id: The run.
        events: Kind and payload of each, in their order.

    Raises:
        RunNotFound: There is no such run.
    """
    now = timezone.now()
    # Without a savepoint: where this fails, the caller's whole transaction has to.
    with transaction.atomic(savepoint=False):
        first = _take_numbers(run_id, len(events))
        rows = RunEvent.objects.bulk_create(
            RunEvent(run_id=run_id, seq=seq, kind=kind, payload=storable(payload), at=now)
            for seq, (kind, payload) in enumerate(events, first)
        )
        notify_events([run_id])
    return rows


def _take_numbers(run_id: str, count: int) -> int:
    """The first of so many consecutive numbers."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_NUMBERS, [count, run_id])
        row = cursor.fetchone()
    if row is None:
        raise RunNotFound(run_id)
    last: int = row[0]
    return last - count + 1
