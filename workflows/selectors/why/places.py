"""Places in a queue: concurrency, the rate window, and who comes first."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Max, Q, QuerySet
from django.urls import reverse

from timestep.models import RunStatus, Segment, SegmentKind, SegmentState
from timestep.services.awaits import Families, families
from timestep.services.places import TURNS, holding, places_of
from workflows.selectors.figures import bounded_count
from workflows.selectors.throughput import rate_window
from workflows.selectors.why.case import NAMED, Case, Mend, Named, Reason

FIRST = 1


def no_place(case: Case) -> Iterator[Reason]:
    """What keeps a start, a resume or a retry from its place; only a start has a rate."""
    segment = case.segment
    if segment is None or not case.needs_place:
        return
    found = families()
    yield from list(_concurrency(case, found)) or _worker_concurrency(case, found)
    if case.is_start:
        yield from _rate(case)
    yield from _ahead(case, segment)


def _limits(case: Case) -> Mend:
    url = f"{reverse('queue', args=[case.queue.name])}#limits"
    return Mend("Change the limits", url, "timestep.operate_queue")


def _concurrency(case: Case, found: Families) -> Iterator[Reason]:
    places = places_of(case.queue, found)
    if places.admits(case.run.run_id):
        return
    held = holding(case.queue.name).filter(run_id__in=places.users)
    total = len(places.users)
    others, unnamed = case.naming(_holders(held), total)
    text = f"Waits for a place in queue {case.queue.name}: {total} of {places.most} execute."
    if places.most == 0:
        text = (
            f"Waits for a place in queue {case.queue.name}, which has none: it runs 0 at one time."
        )
    since = held.aggregate(last=Max("dispatched_at"))["last"]
    yield Reason("concurrency", text, since, None, others, unnamed, (_limits(case),))


def _holders(held: QuerySet[Segment]) -> Iterator[Named]:
    """Those that have their place the longest."""
    rows = held.order_by("dispatched_at", "pk").values_list("run_id", "run__agent", "dispatched_at")
    for run_id, agent, since in rows[: NAMED * 4]:
        yield Named(run_id, agent, since)


def _worker_concurrency(case: Case, found: Families) -> Iterator[Reason]:
    most = case.queue.worker_concurrency
    takers = [one.worker_id for one in case.takers if one.drain_asked_at is None]
    if most is None or not takers:
        return
    places = [places_of(case.queue, found, one) for one in takers]
    if any(one.admits(case.run.run_id) for one in places):
        return
    users = {run_id for one in places for run_id in one.users}
    held = holding(case.queue.name).filter(run_id__in=users)
    others, unnamed = case.naming(_holders(held), len(users))
    where = f"each of {len(takers)} workers" if len(takers) > 1 else "the one worker"
    text = f"Waits for a place in queue {case.queue.name}: {most} of {most} execute on {where}."
    yield Reason("worker_concurrency", text, None, None, others, unnamed, (_limits(case),))


def _rate(case: Case) -> Iterator[Reason]:
    window = rate_window(case.queue)
    if window is None or window.free > 0:
        return
    name, period = case.queue.name, f"{window.period_seconds:g} s"
    text = f"Queue {name} starts {window.limit} runs in {period}, and has started as many."
    if window.limit == 0:
        text = f"Queue {name} has the limit 0: it starts nothing."
    yield Reason("rate", text, until=window.next_free_at, mends=(_limits(case),))


def _ahead(case: Case, segment: Segment) -> Iterator[Reason]:
    """Those of the queue that would start, or go on, before it."""
    count = bounded_count(_before(case, segment))
    if not count.count:
        return
    run = case.run
    word = "run" if count.count == 1 else "runs"
    text = f"{count} {word} of queue {run.queue} come before it."
    url = reverse("run_priority", args=[run.run_id])
    sent = (("priority", str(FIRST)),)
    first = Mend("Start it next", url, "timestep.operate_queue", post=True, sent=sent)
    yield Reason("ahead", text, mends=() if run.priority == FIRST else (first,))


def _before(case: Case, segment: Segment) -> QuerySet[Segment]:
    """What waits in its queue and comes first: resumes, then retries, then launches."""
    run = case.run
    ready = Segment.objects.filter(
        state=SegmentState.READY,
        keeps_place=False,
        run__queue=run.queue,
        run__status=RunStatus.QUEUED,
    ).exclude(run_id=run.run_id)
    if case.queue.concurrency is None and case.queue.worker_concurrency is None:
        ready = ready.filter(kind=segment.kind)
    older = Q(created_at__lt=segment.created_at)
    if run.priority is None:
        same = Q(run__priority__isnull=False) | older
    else:
        same = Q(run__priority__lt=run.priority) | (Q(run__priority=run.priority) & older)
    kinds = TURNS[: TURNS.index(SegmentKind(segment.kind))]
    return ready.filter(Q(kind__in=kinds) | (Q(kind=segment.kind) & same))
