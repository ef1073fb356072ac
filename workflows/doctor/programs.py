"""Runs whose agents live in programs: in a script, in a session without a file, in modules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Q

from timestep.models import Run, RunStatus, Worker
from timestep.scripts import is_session
from timestep.services.database_clock import database_now
from timestep.spec_version import SpecVersion
from workflows.doctor.findings import Findings, some, warning
from workflows.selectors.why import why
from workflows.selectors.why.processes import runs_script
from workflows.selectors.why.programs import script_of, waits_for

# A program that is alive begins what it can build within 5 s.
_PATIENCE = timedelta(seconds=10)
_LOOKED_AT = 500
_ASKED = 20
_NOBODY = frozenset({"unbuildable", "no_worker"})


def homeless(run: Run, alive: Sequence[Worker]) -> bool:
    """Whether a run's agent lives in a script or session that no living process is."""
    script = script_of(run.spec.body)
    return bool(script) and not runs_script(script, alive)


def of_programs(alive: Sequence[Worker]) -> Findings:
    """Runs that wait for a program, and what it has to do."""
    owners = [one.worker_id for one in alive]
    lost = Q(status=RunStatus.RUNNING) & ~Q(owner__in=owners)
    waiting = Run.objects.filter(
        Q(status=RunStatus.QUEUED) | lost, spec__body__spec_version=SpecVersion.CODE
    )
    homes: dict[str, list[str]] = defaultdict(list)
    specs: dict[str, list[Run]] = defaultdict(list)
    for run in waiting.select_related("spec").order_by("created_at", "run_id")[:_LOOKED_AT]:
        if homeless(run, alive):
            homes[script_of(run.spec.body)].append(run.run_id)
        elif run.status == RunStatus.QUEUED and database_now() - run.created_at > _PATIENCE:
            specs[run.spec_id].append(run)
    for home, ids in homes.items():
        yield from _of_home(home, ids)
    for runs in list(specs.values())[:_ASKED]:
        yield from _of_modules(runs)


def _of_home(home: str, ids: list[str]) -> Findings:
    if is_session(home):
        said = f"wait for {home}, which has ended and has no file: {some(ids)}"
        mend = (
            "cancel them, `python manage.py cancel RUN_ID`; launch again from a file or a module, "
            "which can be started again"
        )
        yield warning("stranded runs", said, mend)
    else:
        said = f"wait for {home}, where their agent lives: {some(ids)}"
        yield warning("stranded runs", said, f"run it again: `python {home}`")


def _of_modules(runs: list[Run]) -> Findings:
    """Of one spec, so that what keeps the first of them keeps all."""
    if any(reason.what in _NOBODY for reason in why(runs[0])):
        ids = some(run.run_id for run in runs)
        said = f"wait for a program that has the parts of agent {runs[0].agent}: {ids}"
        yield warning("stranded runs", said, waits_for(runs[0]))
