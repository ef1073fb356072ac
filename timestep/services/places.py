"""Places in queues: what holds one, and which starts count against the rate.

The admission of workers goes by this, and so do the pages that explain it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet

from timestep.models import Queue, RunStatus, Segment, SegmentKind, SegmentState

# Handed over to a worker, or running there.
HOLDING = (SegmentState.DISPATCHED, SegmentState.RUNNING)
# So that a window does not hold a start too many for whoever counts both of its ends.
_GUARD = timedelta(milliseconds=5)
# What was handed over is begun, or given back, long before this.
_LATEST_BEGIN = timedelta(seconds=60)


def holding(name: str) -> QuerySet[Segment]:
    """Segments that hold a place of the queue: those whose runs await people do not."""
    going = (RunStatus.QUEUED, RunStatus.RUNNING)
    return Segment.objects.filter(state__in=HOLDING, run__queue=name, run__status__in=going)


def window_of(queue: Queue) -> timedelta:
    """How long a start counts against the queue's rate."""
    return timedelta(seconds=queue.period_seconds) + _GUARD


def starts_in_window(queue: Queue, now: datetime) -> QuerySet[Segment]:
    """Starts that count against the queue's rate, the oldest first; unknown times come last.

    What was handed over and has not begun may begin now, so it counts as if it did; else a run
    that begins late would share a window with those that follow it.
    """
    since = now - window_of(queue)
    begins = Q(started_at__isnull=True) & (
        Q(state=SegmentState.DISPATCHED)
        | Q(state=SegmentState.READY, kind=SegmentKind.CONTINUE)
        | Q(dispatched_at__gt=since)
    )
    started = Segment.objects.filter(
        begins | Q(started_at__gt=since),
        n=0,
        run__queue=queue.name,
        dispatched_at__gt=since - _LATEST_BEGIN,
    )
    return started.order_by(F("started_at").asc(nulls_last=True))
