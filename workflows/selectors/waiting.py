"""What a run waits for: what no living process has, or the end of another run."""

from __future__ import annotations

from typing import Any

from timestep.models import Run, RunStatus, Worker, WorkerKind
from timestep.services.ticks import held_by
from timestep.spec_version import SpecVersion
from workflows.selectors.workers import alive_processes

_NOT_ENDED = (RunStatus.QUEUED, RunStatus.RUNNING)


def waits_for(run: Run) -> str:
    """The sentence that a run's page shows; empty where nothing but its turn is missing.

    Args:
        run: The run, whose spec is read where it is queued.
    """
    if run.status not in _NOT_ENDED:
        return ""
    return missing(run, run.spec.body, alive_processes()) or _schedule_busy(run)


def _schedule_busy(run: Run) -> str:
    other = held_by(run)
    if other is None:
        return ""
    status = other.get_status_display().lower()
    return f"Waits for run {other.run_id} of its schedule, which is {status}, to end."


def missing(run: Run, spec: dict[str, Any], alive: list[Worker]) -> str:
    """The same for a spec and living processes that the caller has read."""
    script = script_of(spec)
    if run.status == RunStatus.QUEUED and script and not runs_script(script, alive):
        return f"Waits for {script} to run again: its agent lives in that file."
    versions = sorted({one.engine_version for one in alive})
    if versions and run.engine_version not in versions:
        words = ", ".join(map(str, versions))
        return (
            f"Waits for a worker of engine version {run.engine_version}: it was begun by one, and "
            f"those alive have {words}. Start a worker of the release that began it, or cancel it."
        )
    return ""


def script_of(spec: dict[str, Any]) -> str:
    """The file that an agent lives in; empty where any worker can build it."""
    needs = spec.get("needs") if spec.get("spec_version") == SpecVersion.CODE else None
    script = needs.get("script") if isinstance(needs, dict) else None
    return script if isinstance(script, str) else ""


def runs_script(script: str, alive: list[Worker]) -> bool:
    """Whether a living process runs this file."""
    return any(one.kind == WorkerKind.SCRIPT and one.script == script for one in alive)
