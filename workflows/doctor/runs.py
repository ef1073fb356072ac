"""Runs that stand still: nobody takes them, their worker died, or they wait for a process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.db.models import Q, QuerySet

from timestep.models import Queue, Run, RunStatus, Segment, SegmentState, Worker
from timestep.services.awaits import families
from timestep.services.database_clock import database_time
from timestep.services.places import places_of
from timestep.services.workers import living_processes
from workflows.doctor.findings import Finding, Findings, count, ok, problem, some, warning
from workflows.doctor.programs import homeless, of_programs
from workflows.selectors.why.processes import missing
from workflows.selectors.workers import unserved

# Well over the 15 s in which a living worker takes over.
PATIENCE = timedelta(seconds=60)
LOOKED_AT = 500
_TAKEN_OVER = "a worker takes them over: start one, `python manage.py worker`"
_STUCK = "restart the workers; if that does not help, `python manage.py cancel RUN_ID`"


def queues() -> Findings:
    """What waits to be started, and whether anybody would start it."""
    waiting = Counter(_ready().values_list("run__queue", flat=True)[:LOOKED_AT])
    total = sum(waiting.values())
    more = "at least " if total == LOOKED_AT else ""
    named = some(f"{name} {number}" for name, number in waiting.most_common())
    if total and not living_processes().exists():
        said = f"{more}{count(total, 'run waits', 'runs wait')} and nobody takes them: {named}"
        yield problem("queues", said, "start a worker: `python manage.py worker`")
    elif left := unserved(waiting):
        said = f"no living worker takes from {some(sorted(left))}, where runs wait"
        mend = "start one: `python manage.py worker --queue NAME`, or move the runs"
        yield problem("queues", said, mend)
    elif total:
        said = f"{more}{count(total, 'run waits', 'runs wait')} to start or go on: {named}"
        yield ok("queues", "; ".join([said, *_full(waiting)]))
    else:
        yield ok("queues", "nothing waits")


def _full(names: Iterable[str]) -> Iterator[str]:
    """Those of the queues that have no place free, as what waits there waits for one."""
    found = families()
    capped = Queue.objects.filter(name__in=list(names), concurrency__isnull=False)
    for queue in capped.order_by("name"):
        places = places_of(queue, found)
        if places.free == 0:
            yield f"in {queue.name} {len(places.users)} of {places.most} execute"


def stranded() -> Findings:
    """Runs that would not go on by themselves."""
    alive = list(living_processes())
    found = [*_lost(alive), *_handed_over(alive), *of_programs(alive), *_waiting(alive)]
    yield from found or [ok("stranded runs", "none")]


def _lost(alive: list[Worker]) -> Findings:
    """Running, on a worker that is gone."""
    owners = [one.worker_id for one in alive]
    running = Run.objects.filter(status=RunStatus.RUNNING).exclude(owner__in=owners)
    gone = running.select_related("spec").order_by("-created_at")[:LOOKED_AT]
    ids = [run.run_id for run in gone if not homeless(run, alive)]
    if ids:
        said = f"{count(len(ids), 'run is', 'runs are')} running on a worker that is gone: "
        yield _by_whom(alive, said + some(ids), "they are taken over within 15 s; if not, ")


def _handed_over(alive: list[Worker]) -> Findings:
    """Given to a worker that has not begun them for long."""
    owners = [one.worker_id for one in alive]
    gone = ~Q(worker__in=owners)
    late = Segment.objects.filter(
        gone, state=SegmentState.DISPATCHED, dispatched_at__lt=database_time(PATIENCE)
    )
    ids = list(late.values_list("run_id", flat=True)[:LOOKED_AT])
    if ids:
        said = f"{count(len(ids), 'run was', 'runs were')} given to a worker that is gone: "
        yield _by_whom(alive, said + some(ids), "they are given to others within 15 s; if not, ")


def _by_whom(alive: list[Worker], said: str, meanwhile: str) -> Finding:
    if alive:
        return warning("stranded runs", said, meanwhile + _STUCK)
    return problem("stranded runs", said, _TAKEN_OVER)


def _waiting(alive: list[Worker]) -> Findings:
    """Queued for an engine version that nobody runs."""
    segments = _ready().select_related("run", "run__spec").order_by("created_at")
    versions: dict[int, list[str]] = {}
    for run in (segment.run for segment in segments[:LOOKED_AT]):
        if missing(run, run.spec.body, alive) and not homeless(run, alive):
            versions.setdefault(run.engine_version, []).append(run.run_id)
    for version, ids in versions.items():
        said = f"wait for a worker of engine version {version}: {some(ids)}"
        yield problem("stranded runs", said, "start a worker of that release, or cancel them")


def _ready() -> QuerySet[Segment]:
    """Segments that a worker could take now."""
    due = Q(run__delayed_until__isnull=True) | Q(run__delayed_until__lte=database_time())
    return Segment.objects.filter(due, state=SegmentState.READY)
