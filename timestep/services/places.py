"""Places in queues: what holds one, and which starts count against the rate.

The admission of workers goes by this, and so do the pages that explain it. A place is for whatever
executes, however it began. A run that awaits another lends it its place, in the same queue: so a
nested run never waits for the run that waits for it, and no more execute than there are places.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import F, Q, QuerySet

from timestep.models import Queue, Segment, SegmentKind, SegmentState
from timestep.services.awaits import GOING, Families, waiting
from timestep.services.database_clock import database_time

# Handed over to a worker, or running there.
HOLDING = (SegmentState.DISPATCHED, SegmentState.RUNNING)
# Who takes the next free place.
TURNS = (SegmentKind.RESUME, SegmentKind.CONTINUE, SegmentKind.START)
# So that a window does not hold a start too many for whoever counts both of its ends.
_GUARD = timedelta(milliseconds=5)
# What was handed over is begun, or given back, long before this.
_LATEST_BEGIN = timedelta(seconds=60)


def holding(name: str) -> QuerySet[Segment]:
    """Segments that execute in the queue: those whose runs await people do not.

    What was taken from a worker that is gone goes on counting until another has it.
    """
    kept = Q(state=SegmentState.READY, keeps_place=True)
    return Segment.objects.filter(
        Q(state__in=HOLDING) | kept, run__queue=name, run__status__in=GOING
    )


class Places:
    """The places of a queue, or of one worker in it, as one look found them.

    Args:
        most: How many there are; None for any number.
        holders: The runs that execute there.
        families: Which runs await which.
    """

    def __init__(self, most: int | None, holders: Iterable[str], families: Families) -> None:
        self.most = most
        self._families = families
        self._holders = set(holders)

    @property
    def users(self) -> set[str]:
        """Those that use a place: whoever awaits one that executes here has lent it."""
        lent = {one for one in self._families.awaits if self._families.below(one) & self._holders}
        return self._holders - lent

    @property
    def free(self) -> int | None:
        """How many are free; None for any number."""
        return None if self.most is None else max(0, self.most - len(self.users))

    def lends_to(self, run_id: str) -> bool:
        """Whether a run that awaits this one has a place to lend."""
        return bool(self._families.above(run_id) & self.users)

    def admits(self, run_id: str, kept: int = 0) -> bool:
        """Whether there is a place for a run, besides so many that are kept for others."""
        return self.free is None or self.free > kept or self.lends_to(run_id)

    def holds(self, run_id: str) -> bool:
        """Whether a run executes here."""
        return run_id in self._holders

    def take(self, run_id: str) -> None:
        """Count a run that was let in."""
        self._holders.add(run_id)


def places_of(queue: Queue, families: Families, worker_id: str | None = None) -> Places:
    """The places of a queue; with a worker's id, those that it has there.

    Args:
        queue: The queue.
        families: Which runs await which.
        worker_id: The worker.
    """
    most = queue.concurrency if worker_id is None else queue.worker_concurrency
    if most is None:
        return Places(None, (), families)
    held = (
        holding(queue.name) if worker_id is None else holding(queue.name).filter(worker=worker_id)
    )
    return Places(most, held.values_list("run_id", flat=True), families)


def stuck(families: Families) -> list[str]:
    """Full queues in which nothing can end: all that have places await runs that wait for places.

    Only runs that await each other across queues come to that.
    """
    queued = waiting(families)
    queues = Queue.objects.filter(name__in=set(queued.values()), concurrency__isnull=False)
    places = {queue.name: places_of(queue, families) for queue in queues}
    waits = {one: at for one, at in queued.items() if at in places and not places[at].holds(one)}
    full = {name for name, one in places.items() if one.users and one.free == 0}

    def goes_on(run_id: str, seen: frozenset[str] = frozenset()) -> bool:
        if run_id in seen:
            return False
        if (name := waits.get(run_id)) is not None:
            return name not in full or places[name].lends_to(run_id)
        awaited = families.awaits.get(run_id, set())
        return not awaited or any(goes_on(one, seen | {run_id}) for one in awaited)

    while going := {name for name in full if any(goes_on(one) for one in places[name].users)}:
        full -= going
    return sorted(full)


def window_of(queue: Queue) -> timedelta:
    """How long a start counts against the queue's rate."""
    return timedelta(seconds=queue.period_seconds) + _GUARD


def starts_in_window(queue: Queue) -> QuerySet[Segment]:
    """Starts that count against the queue's rate, the oldest first; unknown times come last.

    What was handed over and has not begun may begin now, so it counts as if it did; else a run
    that begins late would share a window with those that follow it.
    """
    window = window_of(queue)
    since = database_time(window)
    begins = Q(started_at__isnull=True) & (
        Q(state=SegmentState.DISPATCHED)
        | Q(state=SegmentState.READY, kind=SegmentKind.CONTINUE)
        | Q(dispatched_at__gt=since)
    )
    started = Segment.objects.filter(
        begins | Q(started_at__gt=since),
        n=0,
        run__queue=queue.name,
        dispatched_at__gt=database_time(window + _LATEST_BEGIN),
    )
    return started.order_by(F("started_at").asc(nulls_last=True))
