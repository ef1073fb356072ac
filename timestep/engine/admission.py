"""Which ready segments may start now, by the limits of their queues.

Kept in our own rows and not in DBOS's queues: rate windows, concurrency, priorities and pauses
are then one transaction with what starts, a change is in force at the next pass, and an idle
worker polls nothing (docs/concepts.md, "Queues", has the figures).
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from timestep.engine_version import ENGINE_VERSION
from timestep.models import (
    Queue,
    Run,
    RunStatus,
    Segment,
    SegmentKind,
    SegmentState,
)

# A pass takes few, so that several workers share a burst.
BATCH = 16


def anything_ready() -> bool:
    """Whether any segment waits for a worker: the one question that an idle worker asks."""
    return Segment.objects.filter(state=SegmentState.READY).exists()


def resumes() -> QuerySet[Segment]:
    """What people have decided: at once, before all else, and no queue counts them."""
    return _ready().filter(kind=SegmentKind.RESUME).order_by("created_at")[:BATCH]


def continuations() -> QuerySet[Segment]:
    """Retries and takeovers: before every launch, and no queue counts them either.

    Only a retry can find its session in use: the run's end had left it to others.
    """
    ready = _ready().filter(kind=SegmentKind.CONTINUE).exclude(_session_taken())
    return ready.order_by("created_at")[:BATCH]


def anything_waits() -> bool:
    """Whether any first segment is ready; asked before a lock is taken."""
    return _waiting().exists()


def startable(worker_id: str) -> list[Segment]:
    """First segments that may start now, best first; call in a transaction.

    Locks the rows of the queues concerned, so that two workers never fill the same place.
    """
    # Ordered by the name itself: by the default order each segment would be distinct.
    names = _waiting().order_by("run__queue").values_list("run__queue", flat=True).distinct()
    chosen: list[Segment] = []
    for name in list(names):
        queue = _locked_queue(name)
        room = min(BATCH - len(chosen), _room(queue, worker_id))
        if room > 0:
            chosen += _best(name, room)
    return chosen


def seconds_until_room() -> float | None:
    """When the first rate window that holds launches back opens again; None if none does."""
    names = _waiting().order_by("run__queue").values_list("run__queue", flat=True).distinct()[:100]
    waits = [_seconds_to_window(queue) for queue in Queue.objects.filter(name__in=set(names))]
    return min((wait for wait in waits if wait is not None), default=None)


def _ready() -> QuerySet[Segment]:
    return Segment.objects.filter(
        state=SegmentState.READY,
        run__engine_version=ENGINE_VERSION,
        run__status=RunStatus.QUEUED,
    )


def _waiting() -> QuerySet[Segment]:
    """First segments that are ready and whose session is free."""
    return _ready().filter(kind=SegmentKind.START).exclude(_session_busy())


def _session_taken() -> Exists:
    """Whether another run of the session is on its way, or an earlier one is about to go on."""
    others = Run.objects.filter(session_id=OuterRef("run__session_id"))
    going = (RunStatus.RUNNING, RunStatus.AWAITING_APPROVAL)
    earlier = Q(created_at__lt=OuterRef("run__created_at")) | Q(
        created_at=OuterRef("run__created_at"), run_id__lt=OuterRef("run_id")
    )
    about_to = Q(status=RunStatus.QUEUED, started_at__isnull=False) & earlier
    return Exists(others.exclude(run_id=OuterRef("run_id")).filter(Q(status__in=going) | about_to))


def _session_busy() -> Exists:
    """Whether an earlier run of the session has not ended: runs of one session never overlap."""
    same = Run.objects.filter(session_id=OuterRef("run__session_id"))
    going = (RunStatus.RUNNING, RunStatus.AWAITING_APPROVAL)
    earlier = Q(created_at__lt=OuterRef("run__created_at")) | Q(
        created_at=OuterRef("run__created_at"), run_id__lt=OuterRef("run_id")
    )
    begun = Q(status__in=going) | Q(status=RunStatus.QUEUED, started_at__isnull=False)
    waits = Q(status=RunStatus.QUEUED) & earlier
    return Exists(same.exclude(run_id=OuterRef("run_id")).filter(begun | waits))


def _best(queue: str, room: int) -> list[Segment]:
    """Lowest priority number first; a run without one comes after all that have one."""
    waiting = _waiting().filter(run__queue=queue).select_related("run")
    return list(
        waiting.order_by(F("run__priority").asc(nulls_last=True), "created_at", "segment_id")[:room]
    )


def _locked_queue(name: str) -> Queue:
    """The queue's row, made with the default limits when it is named for the first time."""
    Queue.objects.get_or_create(name=name)
    return Queue.objects.select_for_update().get(name=name)


def _room(queue: Queue, worker_id: str) -> int:
    limits = [BATCH]
    if queue.limit is not None:
        limits.append(queue.limit - _started_in_window(queue).count())
    if queue.concurrency is not None:
        limits.append(queue.concurrency - _holding(queue).count())
    if queue.worker_concurrency is not None:
        mine = _holding(queue).filter(worker=worker_id)
        limits.append(queue.worker_concurrency - mine.count())
    return min(limits)


def _started_in_window(queue: Queue) -> QuerySet[Segment]:
    """Starts of the queue's current rate window, bounded by its limit."""
    since = timezone.now() - timedelta(seconds=queue.period_seconds)
    started = Segment.objects.filter(n=0, run__queue=queue.name, dispatched_at__gt=since)
    return started.order_by("dispatched_at")[: queue.limit]


def _holding(queue: Queue) -> QuerySet[Segment]:
    """Segments that hold a place of the queue: handed over or running, not awaiting people."""
    held = (SegmentState.DISPATCHED, SegmentState.RUNNING)
    return Segment.objects.filter(
        state__in=held,
        run__queue=queue.name,
        run__status__in=(RunStatus.QUEUED, RunStatus.RUNNING),
    )


def _seconds_to_window(queue: Queue) -> float | None:
    if queue.limit is None:
        return None
    started = [segment.dispatched_at for segment in _started_in_window(queue)]
    if len(started) < queue.limit or not started or started[0] is None:
        return None
    opens = started[0] + timedelta(seconds=queue.period_seconds)
    return max(0.0, (opens - timezone.now()).total_seconds())
