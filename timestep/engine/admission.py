"""Which ready segments may start now, by the limits of their queues.

Kept in our own rows and not in DBOS's queues: rate windows, concurrency, priorities and pauses
are then one transaction with what starts, a change is in force at the next pass, and an idle
worker polls nothing (docs/concepts.md, "Queues", has the figures).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from timestep.engine.holds import NOTHING_STOPPED, Stopped
from timestep.engine_version import ENGINE_VERSION, REPLAYED_VERSIONS
from timestep.models import (
    ACTIVE_STATUSES,
    WAITING_RULES,
    Queue,
    Run,
    RunStatus,
    Schedule,
    Segment,
    SegmentKind,
    SegmentState,
    first_limits,
)
from timestep.services.places import holding, starts_in_window, window_of

# A pass takes few, so that several workers share a burst.
BATCH = 16
# How long a script leaves to workers what it could take as well.
WORKERS_FIRST_SECONDS = 2.0


@dataclass(frozen=True)
class Taker:
    """The process that asks, and what it may take.

    Args:
        worker_id: Its id; what is reserved for it is for nobody else.
        own_only: Whether it takes nothing but that, what lives in it, and what no worker takes:
            a script leaves queues to workers while there are any.
        unbuildable: Digests of specs that it cannot build.
        at_home: Digests of specs with parts that live in scripts alone, and are in this one. No
            worker takes what an earlier process of the script left of them.
        of_programs: Digests of programs' specs that it can build. Workers may not be allowed to
            import their code; what lies longer than workers need is for a script to take.
        stopped: What people have stopped.
        queues: The queues that it takes from, for starts and for what others began; empty: all.
    """

    worker_id: str
    own_only: bool = False
    unbuildable: frozenset[str] = frozenset()
    at_home: frozenset[str] = frozenset()
    of_programs: frozenset[str] = frozenset()
    stopped: Stopped = NOTHING_STOPPED
    queues: frozenset[str] = frozenset()

    def offered(self) -> Q:
        """The condition on segments that may be given to it."""
        mine = Q(run__reserved_for=self.worker_id)
        left = Q(run__reserved_for__isnull=True)
        if self.stopped.draining:
            # What nobody else can take is not new: it would wait for ever.
            left &= Q(run__spec_id__in=self.at_home)
        elif self.own_only:
            lying = Q(created_at__lt=timezone.now() - timedelta(seconds=WORKERS_FIRST_SECONDS))
            left &= Q(run__spec_id__in=self.at_home) | (
                Q(run__spec_id__in=self.of_programs) & lying
            )
        if self.queues:
            left &= Q(run__queue__in=self.queues)
        who = mine | left
        withheld = {
            "run__spec_id__in": self.unbuildable,
            "run__agent__in": self.stopped.agents,
            "run__queue__in": self.stopped.paused,
        }
        for column, values in withheld.items():
            if values:
                who &= ~Q(**{column: values})
        return who


def resumes(taker: Taker) -> QuerySet[Segment]:
    """What people have decided: at once, before all else, and no queue counts them."""
    return _ready(taker).filter(kind=SegmentKind.RESUME).order_by("created_at")[:BATCH]


def continuations(taker: Taker) -> QuerySet[Segment]:
    """Retries and takeovers: before every launch, and no queue counts them either.

    Only a retry can find its session in use: the run's end had left it to others.
    """
    ready = _ready(taker).filter(kind=SegmentKind.CONTINUE).exclude(_session_taken())
    return ready.order_by("created_at")[:BATCH]


def anything_waits(taker: Taker) -> bool:
    """Whether any first segment is ready; asked before a lock is taken."""
    return _waiting(taker).exists()


def startable(taker: Taker) -> list[Segment]:
    """First segments that may start now, best first; call in a transaction.

    Locks the rows of the queues concerned, so that two workers never fill the same place.
    """
    chosen: list[Segment] = []
    for name in _queues_waiting(taker):
        queue = _locked_queue(name)
        room = min(BATCH - len(chosen), _room(queue, taker.worker_id))
        if room > 0 and not queue.paused:
            chosen += _best(taker, name, room)
    return chosen


def seconds_until_room(taker: Taker) -> float | None:
    """When the first launch that is held back by a delay or a rate window may start.

    None where none is held back by either.
    """
    names = _queues_waiting(taker)[:100]
    waits = [_seconds_to_window(queue) for queue in Queue.objects.filter(name__in=names)]
    waits.append(_seconds_to_delayed(taker))
    return min((wait for wait in waits if wait is not None), default=None)


def _queues_waiting(taker: Taker) -> list[str]:
    # Ordered by the name itself: by the default order each segment would be distinct.
    names = _waiting(taker).order_by("run__queue").values_list("run__queue", flat=True)
    return list(names.distinct())


def _seconds_to_delayed(taker: Taker) -> float | None:
    now = timezone.now()
    delayed = _ready(taker).filter(kind=SegmentKind.START, run__delayed_until__gt=now)
    first = delayed.aggregate(first=Min("run__delayed_until"))["first"]
    return None if first is None else (first - now).total_seconds()


def _ready(taker: Taker) -> QuerySet[Segment]:
    return Segment.objects.filter(
        taker.offered(),
        _of_our_version(),
        state=SegmentState.READY,
        run__status=RunStatus.QUEUED,
    )


def _of_our_version() -> Q:
    """Runs that this engine can execute: begun by one that it replays, or by none so far."""
    not_begun = Q(run__started_at__isnull=True, run__engine_version__lte=ENGINE_VERSION)
    return not_begun | Q(run__engine_version__in=REPLAYED_VERSIONS)


def _waiting(taker: Taker) -> QuerySet[Segment]:
    """First segments that are ready, not delayed, and held up by no earlier run."""
    starts = _ready(taker).filter(_due("run__delayed_until"), kind=SegmentKind.START)
    return starts.exclude(_session_busy()).exclude(_schedule_busy())


def _due(column: str) -> Q:
    return Q(**{f"{column}__isnull": True}) | Q(**{f"{column}__lte": timezone.now()})


def _earlier() -> Q:
    """Of runs beside that of a segment: whether they were launched before it."""
    return Q(created_at__lt=OuterRef("run__created_at")) | Q(
        created_at=OuterRef("run__created_at"), run_id__lt=OuterRef("run_id")
    )


def _session_taken() -> Exists:
    """Whether another run of the session is on its way, or an earlier one is about to go on."""
    others = Run.objects.filter(session_id=OuterRef("run__session_id"))
    going = (RunStatus.RUNNING, RunStatus.AWAITING_APPROVAL)
    about_to = Q(status=RunStatus.QUEUED, started_at__isnull=False) & _earlier()
    return Exists(others.exclude(run_id=OuterRef("run_id")).filter(Q(status__in=going) | about_to))


def _session_busy() -> Exists:
    """Whether an earlier run of the session has not ended: runs of one session never overlap."""
    same = Run.objects.filter(session_id=OuterRef("run__session_id"))
    going = (RunStatus.RUNNING, RunStatus.AWAITING_APPROVAL)
    begun = Q(status__in=going) | Q(status=RunStatus.QUEUED, started_at__isnull=False)
    waits = Q(status=RunStatus.QUEUED) & _earlier() & _due("delayed_until")
    return Exists(same.exclude(run_id=OuterRef("run_id")).filter(begun | waits))


def _schedule_busy() -> Q:
    """Whether another run of its schedule has not ended, where the overlap rule is to wait."""
    waits = Schedule.objects.filter(name=OuterRef("run__schedule"), overlap__in=WAITING_RULES)
    same = Run.objects.filter(schedule=OuterRef("run__schedule"), status__in=ACTIVE_STATUSES)
    begun = ~Q(status=RunStatus.QUEUED) | Q(started_at__isnull=False)
    others = same.exclude(run_id=OuterRef("run_id")).filter(begun | _earlier())
    return Q(run__schedule__isnull=False) & Q(Exists(waits)) & Q(Exists(others))


def _best(taker: Taker, queue: str, room: int) -> list[Segment]:
    """Lowest priority number first; a run without one comes after all that have one."""
    waiting = _waiting(taker).filter(run__queue=queue).select_related("run")
    return list(
        waiting.order_by(F("run__priority").asc(nulls_last=True), "created_at", "segment_id")[:room]
    )


def _locked_queue(name: str) -> Queue:
    """The queue's row, made with the default limits when it is named for the first time."""
    Queue.objects.get_or_create(name=name, defaults=first_limits(name))
    return Queue.objects.select_for_update().get(name=name)


def _room(queue: Queue, worker_id: str) -> int:
    limits = [BATCH]
    if queue.limit is not None:
        started = starts_in_window(queue, timezone.now())
        limits.append(queue.limit - started[: queue.limit].count())
    if queue.concurrency is not None:
        limits.append(queue.concurrency - holding(queue.name).count())
    if queue.worker_concurrency is not None:
        mine = holding(queue.name).filter(worker=worker_id)
        limits.append(queue.worker_concurrency - mine.count())
    return min(limits)


def _seconds_to_window(queue: Queue) -> float | None:
    if queue.limit is None:
        return None
    now = timezone.now()
    times = starts_in_window(queue, now).values_list("started_at", flat=True)[: queue.limit]
    oldest = next(iter(times), None)
    if len(times) < queue.limit or oldest is None:
        return None
    return max(0.0, (oldest + window_of(queue) - now).total_seconds())
