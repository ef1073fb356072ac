"""The end of a run: however it comes, it is told once, in the transaction that writes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from timestep.gate import approval_gate
from timestep.models import Run, RunStatus
from timestep.services.database_clock import database_now
from timestep.services.present import usage_as_json
from timestep.services.status import change_status, record_events
from timestep.services.totals import totals
from timestep.storable import EVENT_TEXT_LIMIT


def end_run(run_id: str, allowed: Iterable[str], to: RunStatus, **fields: Any) -> bool:
    """End a run that nobody executes, in the caller's transaction, and tell it.

    Args:
        run_id: The run.
        allowed: Statuses from which it may end (compare and swap).
        to: The status that it ends with.
        fields: Further columns to set in the same statement.

    Returns:
        Whether this caller ended it; False means that somebody else was first.
    """
    now = database_now()
    used = totals(run_id)
    if not change_status(run_id, allowed, to, **({"finished_at": now} | used | fields)):
        return False
    tell_end(Run.objects.get(run_id=run_id))
    return True


def tell_end(run: Run) -> None:
    """Write the events of an end that the run's row has already, and void what still asks.

    Every way in which a run ends comes through here: who follows a run stops at `run.finished`.
    """
    by = {"by": run.cancelled_by} if run.status == RunStatus.CANCELLED else {}
    failed = [("run.failed", run.error or {})] if run.status == RunStatus.FAILED else []
    finished = {
        "status": run.status,
        "final_output": _shown(run),
        "usage": usage_as_json(run),
    }
    status = ("status", {"status": run.status} | by)
    record_events(run.run_id, *failed, status, ("run.finished", finished | by))
    approval_gate().closed(run.run_id, run.status)


def _shown(run: Run) -> Any:
    """The final output as the event keeps it; a long text is cut, the run has the whole."""
    output = run.final_output
    return output[:EVENT_TEXT_LIMIT] if isinstance(output, str) else output
