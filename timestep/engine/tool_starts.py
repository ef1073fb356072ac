"""Durable starts of tool calls that are not idempotent, and what became of them."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from timestep.errors import TimestepError
from timestep.ids import segment_id
from timestep.models import Run, ToolStart
from timestep.storable import storable


class RunLost(TimestepError):
    """Another worker has taken the run over."""


# The first start of a call, under an epoch that still holds: one statement, since every call of
# every such tool waits for it. The lock is for what `_record_again` says of a lost run.
_RECORD = (
    "INSERT INTO timestep_toolstart"
    " (run_id, segment, step, call_id, tool, agent, arguments, started_at)"
    " SELECT run_id, %s, %s, %s, %s, %s, %s, %s FROM timestep_run"
    " WHERE run_id = %s AND epoch = %s{lock} ON CONFLICT DO NOTHING RETURNING id"
)


def record(
    run_id: str, n: int, step: int, agent: str, tool: str, call_id: str, arguments: str, epoch: int
) -> dict[str, Any] | None:
    """Write that a call is about to be made.

    Returns:
        What a person said of an earlier start whose outcome was unknown: `happened` means that
        the call must not be made; `run_again`, or nothing, that it is being made now.

    Raises:
        RunLost: The run has another epoch by now. A worker that was silent for longer than its
            lease comes through here before it has noticed, and must not make the call as well.
    """
    place = {"segment": segment_id(run_id, n), "step": step}
    fields = place | {"agent": agent, "tool": tool, "arguments": storable(arguments)}
    if _recorded(run_id, call_id, epoch, fields):
        return None
    return _record_again(run_id, call_id, epoch, place, fields)


def _recorded(run_id: str, call_id: str, epoch: int, fields: dict[str, Any]) -> bool:
    lock = " FOR NO KEY UPDATE" if connection.vendor == "postgresql" else ""
    segment, step, tool = fields["segment"], fields["step"], fields["tool"]
    values = [segment, step, call_id, tool, fields["agent"], fields["arguments"], timezone.now()]
    with connection.cursor() as cursor:
        cursor.execute(_RECORD.format(lock=lock), [*values, run_id, epoch])
        return cursor.fetchone() is not None


@transaction.atomic
def _record_again(
    run_id: str, call_id: str, epoch: int, place: dict[str, Any], fields: dict[str, Any]
) -> dict[str, Any] | None:
    """Write the start of a call that was started before, or refuse a lost run."""
    held = Run.objects.select_for_update(no_key=True).filter(run_id=run_id, epoch=epoch)
    if held.first() is None:
        raise RunLost(f"run {run_id} is no longer executed under epoch {epoch}")
    start, created = ToolStart.objects.select_for_update().get_or_create(
        run_id=run_id, call_id=call_id, defaults=fields
    )
    if created:
        return None
    # Some providers number the calls of each response from one again.
    same = all(getattr(start, name) == value for name, value in place.items())
    resolution: dict[str, Any] | None = start.resolution if same else None
    if resolution is None or resolution["outcome"] != "happened":
        for name, value in fields.items():
            setattr(start, name, value)
        start.started_at = timezone.now()
        start.raised_at = start.unknown_at = start.resolution = None
        start.save()
    return resolution


def record_raised(run_id: str, call_id: str) -> None:
    """Write that a call ended with an error that we saw: its outcome is known."""
    ToolStart.objects.filter(run_id=run_id, call_id=call_id).update(raised_at=timezone.now())


def without_outcome(run_id: str, n: int, recorded_steps: set[int]) -> list[ToolStart]:
    """Starts of a segment that have no checkpoint, no seen error and no person's answer.

    Args:
        recorded_steps: The step ids of the segment's workflow that have a checkpoint.
    """
    open_starts = ToolStart.objects.filter(
        run_id=run_id,
        segment=segment_id(run_id, n),
        raised_at__isnull=True,
        resolution__isnull=True,
    )
    return [start for start in open_starts if start.step not in recorded_steps]
