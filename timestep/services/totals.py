"""What a run's model calls have used, summed over their events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from timestep.models import Run, RunEvent, RunStatus

_TOKENS = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")


def totals(run_id: str) -> dict[str, int]:
    """Usage summed over the run's finished model calls, each of which is there exactly once."""
    summed = dict.fromkeys(("requests", "turns", *_TOKENS), 0)
    for usage, parent in _finished_calls(run_id):
        summed["requests"] += 1
        summed["turns"] += parent is None
        for kind in _TOKENS:
            summed[kind] += usage.get(kind, 0)
    return summed


def show_totals_so_far(run: Run) -> Run:
    """Give the run in memory what it has used by now; its row learns it when a segment ends."""
    if run.status == RunStatus.RUNNING:
        for name, value in totals(run.run_id).items():
            setattr(run, name, value)
    return run


def _finished_calls(run_id: str) -> Iterable[tuple[dict[str, Any], str | None]]:
    """Usage and parent call of each; never the texts, which can be large."""
    events = RunEvent.objects.filter(run_id=run_id, kind="model.finished")
    return events.values_list("payload__usage", "payload__parent_call_id")
