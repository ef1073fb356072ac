"""Whether a decision could take effect: what the run needs to go on, and who has it now.

A run is pinned to its spec, so definitions that were edited or deleted keep nothing from going on.
Tools that are gone or that changed do, and so do processes that do not run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.models import ApprovalRequest, RequestKind
from timestep.models import AgentSpec, CatalogueTool, SavedState, Worker, WorkerKind
from timestep.services.workers import living_processes
from timestep.spec_version import SpecVersion

_STAYS = "the decision is kept, and the run goes on when one does"


@dataclass(frozen=True)
class _Surroundings:
    """What there is now, for all requests at once."""

    processes: Sequence[Worker]
    catalogue: Mapping[str, CatalogueTool]
    specs: Mapping[str, AgentSpec]
    states: frozenset[tuple[str | None, int]]

    @property
    def workers(self) -> list[Worker]:
        """Processes that take what others launch."""
        return [one for one in self.processes if one.kind == WorkerKind.WORKER]


def standing(request: ApprovalRequest) -> str:
    """Why a run could not go on after a decision, as things are now.

    Returns:
        One sentence for whoever is about to decide; empty where nothing is in the way.
    """
    return standings([request]).get(request.approval_id, "")


def standings(requests: Sequence[ApprovalRequest]) -> dict[str, str]:
    """The same for many requests, in as many queries as for one; only what is in the way.

    Args:
        requests: With their runs. Those that wait no more are left out.
    """
    pending = [request for request in requests if request.is_pending]
    if not pending:
        return {}
    around = _look_around(pending)
    found = {request.approval_id: next(_problems(request, around), "") for request in pending}
    return {approval_id: problem for approval_id, problem in found.items() if problem}


def _look_around(requests: Sequence[ApprovalRequest]) -> _Surroundings:
    specs = AgentSpec.objects.in_bulk({request.run.spec_id for request in requests})
    names = {entry["name"] for spec in specs.values() for entry in _tools_of(spec)}
    runs = {request.run_id for request in requests}
    states = SavedState.objects.filter(run_id__in=runs).values_list("run_id", "revision")
    return _Surroundings(
        list(living_processes().only("kind", "script", "engine_version", "tools")),
        CatalogueTool.objects.only("name", "schema_digest", "present").in_bulk(sorted(names)),
        specs,
        frozenset(states),
    )


def _tools_of(spec: AgentSpec) -> list[dict[str, Any]]:
    """The tools that a spec of definitions names; what a program's needs is not in rows."""
    if spec.body.get("spec_version") != SpecVersion.DEFINITIONS:
        return []
    return [entry for agent in spec.body["agents"].values() for entry in agent["tools"]]


def _problems(request: ApprovalRequest, around: _Surroundings) -> Iterator[str]:
    """What is in the way, the worst first."""
    run, spec = request.run, around.specs[request.run.spec_id]
    saved = (run.run_id, request.revision) in around.states
    if request.kind == RequestKind.TOOL_CALL and not saved:
        yield "The saved state of the run is gone: it cannot go on."
    for entry in _tools_of(spec):
        yield from _tool_problem(entry, around.catalogue.get(entry["name"]))
    versions = {one.engine_version for one in around.processes}
    if versions and run.engine_version not in versions:
        yield f"No running worker has the engine version {run.engine_version}: {_STAYS}."
    yield from _process_problem(spec, around)


def _tool_problem(entry: Mapping[str, Any], tool: CatalogueTool | None) -> Iterator[str]:
    name = entry["name"]
    if tool is None or not tool.present:
        yield f"The tool {name} is on no worker any more: the run would fail."
    elif tool.schema_digest != entry["digest"]:
        yield (
            f"The tool {name} takes other arguments than when the run was launched: "
            "the run would fail."
        )


def _process_problem(spec: AgentSpec, around: _Surroundings) -> Iterator[str]:
    script = (spec.body.get("needs") or {}).get("script") if spec.is_of_program else None
    if script:
        if script[:500] not in {one.script for one in around.processes}:
            yield f"The script {script} does not run: the decision is kept until it does."
        return
    if spec.is_of_program and around.processes:
        return  # Who has a program's code is not in rows.
    if not around.workers:
        yield f"No worker runs: {_STAYS}."
        return
    needed = {entry["name"] for entry in _tools_of(spec)}
    if not any(needed <= set(worker.tools) for worker in around.workers):
        names = ", ".join(sorted(needed))
        yield f"No running worker has all of the tools {names}: the run would fail."
