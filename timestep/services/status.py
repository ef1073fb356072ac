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
_TAKE_NUMBER = (
    "UPDATE timestep_run SET last_seq = last_seq + 1 WHERE run_id = %s RETURNING last_seq"
)


def record_event(run_id: str, kind: str, payload: dict[str, Any]) -> RunEvent:
    """Append one event to a run, numbered within the caller's transaction.

    The update of `last_seq` locks the run's row, so numbers of one run are committed in order.

    Raises:
        RunNotFound: There is no such run.
    """
    # Without a savepoint: where this fails, the caller's whole transaction has to.
    with transaction.atomic(savepoint=False):
        event = RunEvent.objects.create(
            run_id=run_id,
            seq=_next_number(run_id),
            kind=kind,
            payload=storable(payload),
            at=timezone.now(),
        )
        notify_events([run_id])
    return event


def _next_number(run_id: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_NUMBER, [run_id])
        row = cursor.fetchone()
    if row is None:
        raise RunNotFound(run_id)
    number: int = row[0]
    return number
