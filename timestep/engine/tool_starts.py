"""Durable starts of tool calls that are not idempotent, and what became of them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from timestep.errors import TimestepError
from timestep.ids import segment_id
from timestep.models import Run, ToolStart
from timestep.storable import storable


class RunLost(TimestepError):
    """Another worker has taken the run over."""


@transaction.atomic
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
    held = Run.objects.select_for_update(no_key=True).filter(run_id=run_id, epoch=epoch)
    if held.first() is None:
        raise RunLost(f"run {run_id} is no longer executed under epoch {epoch}")
    place = {"segment": segment_id(run_id, n), "step": step}
    fields = place | {"agent": agent, "tool": tool, "arguments": storable(arguments)}
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
