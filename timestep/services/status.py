"""Writing a run's status changes and events in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

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


@transaction.atomic
def record_event(run_id: str, kind: str, payload: dict[str, Any]) -> RunEvent:
    """Append one event to a run, numbered within the caller's transaction.

    The update of `last_seq` locks the run's row, so numbers of one run are committed in order.
    """
    Run.objects.filter(run_id=run_id).update(last_seq=F("last_seq") + 1)
    seq = Run.objects.values_list("last_seq", flat=True).get(run_id=run_id)
    event = RunEvent.objects.create(
        run_id=run_id, seq=seq, kind=kind, payload=storable(payload), at=timezone.now()
    )
    notify_events([run_id])
    return event
