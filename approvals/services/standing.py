"""Whether a decision could take effect: what the run needs to go on, and who has it now.

A run is pinned to its spec, so definitions that were edited or deleted keep nothing from going on.
Tools that are gone or that changed do, and so do processes that do not run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.models import ApprovalRequest, RequestKind
from timestep.models import (
    AgentSpec,
    CatalogueTool,
    Hold,
    HoldKind,
    Queue,
    SavedState,
    Worker,
    WorkerKind,
)
from timestep.scripts import is_session
from timestep.services.awaits import Families, families
from timestep.services.holds import active
from timestep.services.places import places_of
from timestep.services.workers import living_processes
from timestep.spec_version import SpecVersion

_OF_PROCESSES = ("kind", "script", "engine_version", "replays", "tools", "queues")
_STAYS = "the decision is kept, and the run goes on when one does"


@dataclass(frozen=True)
class _Surroundings:
    """What there is now, for all requests at once."""

    processes: Sequence[Worker]
    catalogue: Mapping[str, CatalogueTool]
    specs: Mapping[str, AgentSpec]
    states: frozenset[tuple[str | None, int]]
    holds: Sequence[Hold]
    paused: Mapping[str, Queue]
    full: Mapping[str, str]

    @property
    def workers(self) -> list[Worker]:
        """Processes that take what others launch."""
        return [one for one in self.processes if one.kind == WorkerKind.WORKER]


def standing(request: ApprovalRequest) -> str:
    """Why a run could not go on after a decision, as things are now.

    Returns:
        Sentences for whoever is about to decide: the worst that is in the way, and who has stopped
        it; empty where nothing is in the way.
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
    found = {request.approval_id: _said(request, around) for request in pending}
    return {approval_id: problem for approval_id, problem in found.items() if problem}


def _said(request: ApprovalRequest, around: _Surroundings) -> str:
    worst = next(_problems(request, around), "")
    return " ".join(part for part in (worst, *_stops(request, around)) if part)


def _stops(request: ApprovalRequest, around: _Surroundings) -> Iterator[str]:
    """What people have stopped: a decision is taken all the same, and the run goes on later."""
    for hold in around.holds:
        what = _held(request, hold)
        if what:
            yield (
                f"{what} is held by {hold.placed_by} ({hold.placed_why}): "
                "the decision is kept, and the call is made after the release."
            )
    queue = around.paused.get(request.run.queue)
    if queue is not None:
        yield (
            f"Queue {queue.name} is paused by {queue.paused_by} ({queue.paused_why}): "
            "the decision is kept, and the run goes on when the queue is resumed."
        )
    elif request.run.queue in around.full:
        yield (
            f"Queue {request.run.queue} is full, {around.full[request.run.queue]}: "
            "the decision is kept, and the run takes the next free place, before all launches."
        )


def _held(request: ApprovalRequest, hold: Hold) -> str:
    """What of the request a hold stops; nothing where it does not."""
    if hold.kind == HoldKind.EVERYTHING:
        return "Everything"
    if hold.kind == HoldKind.TOOL:
        return f"The tool {hold.name}" if hold.name == request.tool else ""
    held = hold.name in (request.agent, request.run.agent)
    return f"The agent {hold.name}" if held else ""


def _look_around(requests: Sequence[ApprovalRequest]) -> _Surroundings:
    specs = AgentSpec.objects.in_bulk({request.run.spec_id for request in requests})
    names = {entry["name"] for spec in specs.values() for entry in _tools_of(spec)}
    runs = {request.run_id for request in requests}
    states = SavedState.objects.filter(run_id__in=runs).values_list("run_id", "revision")
    queues = Queue.objects.in_bulk({request.run.queue for request in requests})
    return _Surroundings(
        list(living_processes().only(*_OF_PROCESSES)),
        CatalogueTool.objects.only("name", "schema_digest", "present").in_bulk(sorted(names)),
        specs,
        frozenset(states),
        active(),
        {name: queue for name, queue in queues.items() if queue.paused},
        dict(_full([queue for queue in queues.values() if queue.concurrency is not None])),
    )


def _full(capped: Sequence[Queue]) -> Iterator[tuple[str, str]]:
    """Those of the queues that have no place free, and how many execute."""
    found = families() if capped else Families([])
    for queue in capped:
        places = places_of(queue, found)
        if places.free == 0:
            yield queue.name, f"{len(places.users)} of {places.most} execute"


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
    takers = (one.can_take(run.engine_version, begun=True) for one in around.processes)
    if around.processes and not any(takers):
        yield f"No running worker has the engine version {run.engine_version}: {_STAYS}."
    yield from _process_problem(run.queue, spec, around)


def _tool_problem(entry: Mapping[str, Any], tool: CatalogueTool | None) -> Iterator[str]:
    name = entry["name"]
    if tool is None or not tool.present:
        yield f"The tool {name} is on no worker any more: the run would fail."
    elif tool.schema_digest != entry["digest"]:
        yield (
            f"The tool {name} takes other arguments than when the run was launched: "
            "the run would fail."
        )


def _process_problem(queue: str, spec: AgentSpec, around: _Surroundings) -> Iterator[str]:
    script = (spec.body.get("needs") or {}).get("script") if spec.is_of_program else None
    if script:
        if script[:500] in {one.script for one in around.processes}:
            return
        if is_session(script):
            yield f"{script}, where the agent lives, has ended: no run can go on there any more."
        else:
            yield f"The script {script} does not run: the decision is kept until it does."
        return
    if spec.is_of_program and around.processes:
        return  # Who has a program's code is not in rows.
    takers = [one for one in around.workers if one.serves(queue)]
    if not takers:
        whose = f"running worker takes from the queue {queue}" if around.workers else "worker runs"
        yield f"No {whose}: {_STAYS}."
        return
    needed = {entry["name"] for entry in _tools_of(spec)}
    if not any(needed <= set(worker.tools) for worker in takers):
        names = ", ".join(sorted(needed))
        yield f"No running worker has all of the tools {names}: the run would fail."
