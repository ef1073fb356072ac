"""Places in a queue: concurrency, the rate window, and who comes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.db.models import Max, Q, QuerySet
from django.urls import reverse

from timestep.models import RunStatus, Segment, SegmentKind, SegmentState
from timestep.services.places import holding
from workflows.selectors.figures import bounded_count
from workflows.selectors.throughput import rate_window
from workflows.selectors.why.case import NAMED, Case, Mend, Named, Reason

FIRST = 1


def no_place(case: Case) -> Iterator[Reason]:
    """What keeps a first start from its place; resumes and takeovers need none."""
    if not case.is_start:
        return
    yield from list(_concurrency(case)) or _worker_concurrency(case)
    yield from _rate(case)
    yield from _ahead(case)


def _limits(case: Case) -> Mend:
    url = f"{reverse('queue', args=[case.queue.name])}#limits"
    return Mend("Change the limits", url, "timestep.operate_queue")


def _concurrency(case: Case) -> Iterator[Reason]:
    most, held = case.queue.concurrency, holding(case.queue.name)
    if most is None:
        return
    total = held.count()
    if total < most:
        return
    others, unnamed = case.naming(_holders(held), total)
    text = f"Queue {case.queue.name} runs {most} at one time, and {total} hold its places."
    since = held.aggregate(last=Max("dispatched_at"))["last"]
    yield Reason("concurrency", text, since, None, others, unnamed, (_limits(case),))


def _holders(held: QuerySet[Segment]) -> Iterator[Named]:
    """Those that have their place the longest."""
    rows = held.order_by("dispatched_at", "pk").values_list("run_id", "run__agent", "dispatched_at")
    for run_id, agent, since in rows[: NAMED * 4]:
        yield Named(run_id, agent, since)


def _worker_concurrency(case: Case) -> Iterator[Reason]:
    most = case.queue.worker_concurrency
    takers = [one.worker_id for one in case.takers if one.drain_asked_at is None]
    if most is None or not takers:
        return
    held = holding(case.queue.name).filter(worker__in=takers)
    by_worker = Counter(held.values_list("worker", flat=True))
    if any(by_worker[one] < most for one in takers):
        return
    others, unnamed = case.naming(_holders(held), sum(by_worker.values()))
    workers = f"{len(takers)} workers have" if len(takers) > 1 else "the one worker has"
    text = f"Queue {case.queue.name} runs {most} at one time on each worker, and {workers} as many."
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


def _ahead(case: Case) -> Iterator[Reason]:
    """Those of the queue that would start before it."""
    run = case.run
    ready = Segment.objects.filter(
        state=SegmentState.READY,
        kind=SegmentKind.START,
        run__queue=run.queue,
        run__status=RunStatus.QUEUED,
    ).exclude(run_id=run.run_id)
    older = Q(run__created_at__lt=run.created_at)
    if run.priority is None:
        before = Q(run__priority__isnull=False) | older
    else:
        before = Q(run__priority__lt=run.priority) | (Q(run__priority=run.priority) & older)
    count = bounded_count(ready.filter(before))
    if not count.count:
        return
    word = "run" if count.count == 1 else "runs"
    text = f"{count} {word} of queue {run.queue} come before it."
    url = reverse("run_priority", args=[run.run_id])
    sent = (("priority", str(FIRST)),)
    first = Mend("Start it next", url, "timestep.operate_queue", post=True, sent=sent)
    yield Reason("ahead", text, mends=() if run.priority == FIRST else (first,))
