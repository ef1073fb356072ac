"""Waiting for a run to end or to stop for a person, by looking at its row."""

from __future__ import annotations

import time

from timestep.models import Run, RunStatus

SUCCEEDED, OTHER, AWAITING = 0, 1, 3
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25
_GOING_ON = (RunStatus.QUEUED, RunStatus.RUNNING)


def wait_for(run_id: str) -> Run:
    """The run, once it has ended or awaits approval; looks at its row four times a second."""
    pause = _FIRST_PAUSE
    statuses = Run.objects.filter(run_id=run_id).values_list("status", flat=True)
    while statuses.get() in _GOING_ON:
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    return Run.objects.get(run_id=run_id)


def exit_code(run: Run) -> int:
    """0 for a run that succeeded, 3 for one that awaits approval, else 1."""
    if run.status == RunStatus.SUCCEEDED:
        return SUCCEEDED
    return AWAITING if run.status == RunStatus.AWAITING_APPROVAL else OTHER
