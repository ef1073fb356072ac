"""What processes lack: one that is alive, the version, the script, a tool, a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from timestep.models import CatalogueTool, Run, RunStatus, Worker, WorkerKind
from timestep.services.workers import living_processes
from workflows.selectors.why.case import Case, Mend, Reason
from workflows.selectors.why.programs import needs_script, script_of, waits_for
from workflows.selectors.why.stops import moves
from workflows.selectors.workers import missing_keys

_START = "Start one with `python manage.py worker`."


def lacking(case: Case) -> Iterator[Reason]:
    """What no living process has that the run needs to start, or to go on."""
    if case.is_given:
        yield from _gone(case)
        return
    if nobody := _nobody(case):
        yield nobody
    if not case.run.spec.is_of_program:
        yield from _tools(case)
        yield from _keys(case)


def _nobody(case: Case) -> Reason | None:
    """Why no process that is alive takes it; None where one does."""
    if said := missing(case.run, case.run.spec.body, case.alive):
        return Reason("process", said, mends=(_to_workers(),))
    if not case.alive:
        of_program = case.run.spec.is_of_program
        mend = waits_for(case.run) if of_program else f"No worker is alive. {_START}"
        return Reason("no_worker", mend, mends=(_to_workers(),))
    if reserved := _reserved(case):
        return reserved
    if not case.workers:
        return None if case.run.spec.is_of_program else _only_scripts(case)
    if not case.takers:
        # Scripts that have its agent's parts take it, whatever its queue.
        by_script = case.run.spec.is_of_program and len(case.alive) > len(case.workers)
        return None if by_script else _no_worker_for_queue(case)
    return _all_drain(case) if all(one.drain_asked_at for one in case.takers) else None


def lost_worker(case: Case) -> Iterator[Reason]:
    """A running run whose worker has fallen silent."""
    owner = case.run.owner
    row = Worker.objects.filter(worker_id=owner).first() if owner else None
    if row is None or _lives(row.worker_id):
        return
    then = missing(case.run, case.run.spec.body, case.alive) or (
        "Another takes it over within 15 s." if case.takers else _nobody_else(case)
    )
    text = f"Its worker {row.worker_id} was not heard of lately. {then}"
    yield Reason("lost", text, since=row.heartbeat_at, mends=(_to_workers(),))


def missing(run: Run, spec: dict[str, Any], alive: Sequence[Worker]) -> str:
    """The script or the engine version that no living process has, in a sentence; empty if any has.

    Args:
        run: A run that is queued, or that a person is asked about.
        spec: What it is pinned to.
        alive: The processes that are alive.
    """
    script = script_of(spec)
    going = run.status in (RunStatus.QUEUED, RunStatus.RUNNING)
    if going and script and not runs_script(script, alive):
        return needs_script(script)
    begun = run.started_at is not None
    if not alive or any(one.can_take(run.engine_version, begun=begun) for one in alive):
        return ""
    words = ", ".join(map(str, sorted({one.engine_version for one in alive})))
    of = f"Waits for a worker of engine version {run.engine_version}"
    if begun:
        why = f"it was begun by one, and those alive have {words}, which cannot replay it"
        return f"{of}: {why}. Start a worker of the release that began it, or cancel it."
    why = f"it was launched by a newer release, and those alive have {words}"
    return f"{of}, or of a newer one: {why}. Start a worker of that release, or cancel it."


def runs_script(script: str, alive: Sequence[Worker]) -> bool:
    """Whether a living process runs this file."""
    return any(one.kind == WorkerKind.SCRIPT and one.script == script[:500] for one in alive)


def _to_workers() -> Mend:
    return Mend("Workers", reverse("workers"), "timestep.view_worker")


def _lives(worker_id: str) -> bool:
    living: QuerySet[Worker] = living_processes()
    return living.filter(worker_id=worker_id).exists()


def _gone(case: Case) -> Iterator[Reason]:
    """It was given to a worker that fell silent before it began."""
    if not any(one.worker_id == case.worker for one in case.alive):
        others = "Others get it within 15 s." if case.takers else _nobody_else(case)
        text = f"It was given to worker {case.worker}, which was not heard of lately. {others}"
        yield Reason("lost", text, since=case.given_at, mends=(_to_workers(),))


def _reserved(case: Case) -> Reason | None:
    """A script executes what it launched, as long as it lives."""
    mine = [one for one in case.alive if one.worker_id == case.run.reserved_for]
    if not mine:
        return None
    script = mine[0].script or mine[0].worker_id
    return Reason("reserved", f"It is kept for {script}, which launched it and executes it itself.")


def _nobody_else(case: Case) -> str:
    if case.workers:
        return f"No other takes from queue {case.run.queue}. {_start_for(case.run.queue)}"
    return f"No other is alive. {_START}"


def _start_for(queue: str) -> str:
    return f"Start one with `python manage.py worker --queue {queue}`."


def _no_worker_for_queue(case: Case) -> Reason:
    queue = case.run.queue
    served = ", ".join(sorted({name for one in case.workers for name in one.queues}))
    text = f"No worker takes from queue {queue}: those alive take from {served}."
    mends = (*moves(case), _to_workers())
    return Reason("no_worker_for_queue", f"{text} {_start_for(queue)}", mends=mends)


def _all_drain(case: Case) -> Reason:
    last = max(case.takers, key=lambda one: one.drain_asked_at or one.started_at)
    every = "Every worker" if len(case.takers) == len(case.workers) else "Every worker of its queue"
    text = f"{every} drains, the last by order of {last.drain_asked_by}: none takes new work."
    return Reason("draining", text, since=last.drain_asked_at, mends=(_to_workers(),))


def _only_scripts(case: Case) -> Reason:
    count = len(case.alive)
    scripts = "a script, which takes" if count == 1 else f"{count} scripts, which take"
    text = f"No worker is alive, only {scripts} what they have all parts of. {_START}"
    return Reason("no_worker", text, mends=(_to_workers(),))


def _tools(case: Case) -> Iterator[Reason]:
    """The run would fail for these: a worker takes it and then says what is missing."""
    entries = [tool for agent in _agents(case).values() for tool in agent.get("tools", ())]
    names = {entry["name"] for entry in entries}
    if not names:
        return
    if workers := case.takers or case.workers:
        had = {name for one in workers for name in one.tools}
    else:
        present = CatalogueTool.objects.filter(name__in=names, present=True)
        had = set(present.values_list("name", flat=True))
    if lost := sorted(names - had):
        text = f"No worker has {', '.join(lost)}: the run would fail. See TIMESTEP_TOOLS."
        yield Reason("tool", text, mends=(_to_workers(),))


def _keys(case: Case) -> Iterator[Reason]:
    models = {slug: str(agent.get("model", "")) for slug, agent in _agents(case).items()}
    for variable in sorted({one.variable for one in missing_keys(models)}):
        text = f"No worker has {variable}, which its model needs: the run would fail."
        yield Reason("key", text, mends=(_to_workers(),))


def _agents(case: Case) -> dict[str, dict[str, Any]]:
    agents = case.run.spec.body.get("agents")
    return agents if isinstance(agents, dict) else {}
