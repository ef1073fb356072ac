"""Queues as their pages show them: limits, what waits, what runs, and who is paused."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, F, QuerySet, When
from django.utils import timezone

from approvals.access import EVERYTHING, Sight
from timestep.errors import QueueNotFound
from timestep.models import (
    DIRECT_QUEUE,
    Queue,
    Run,
    RunStatus,
    Schedule,
    Segment,
    SegmentKind,
    SegmentState,
    first_limits,
)
from timestep.services.awaits import families
from timestep.services.places import TURNS, holding, places_of
from workflows.models import AgentDefinition
from workflows.selectors.figures import Figure

LISTED = 200
SHOWN = 50
# Counting is bounded: with more than these under way, counts say "at least".
MOST_ACTIVE = 10_000
ACTIVE = (SegmentState.READY, SegmentState.DISPATCHED, SegmentState.RUNNING)


@dataclass(frozen=True)
class QueueLine:
    """A queue in the list: how much waits in it and runs of it."""

    queue: Queue
    waiting: Figure
    running: Figure


@dataclass(frozen=True)
class QueuedRun:
    """A run that waits in a queue, or executes in it."""

    run_id: str
    agent: str
    agent_version: int | None
    priority: int | None
    created_at: datetime
    delayed_until: datetime | None
    started_at: datetime | None
    kind: str
    worker: str | None

    @property
    def waits(self) -> bool:
        """Whether it waits for its turn, which may be changed."""
        return self.worker is None

    @property
    def movable(self) -> bool:
        """Whether it waits for its first start, so that its queue may be changed."""
        return self.kind == SegmentKind.START and self.waits

    @property
    def is_delayed(self) -> bool:
        """Whether its time has not come."""
        return self.delayed_until is not None and self.delayed_until > timezone.now()


@dataclass(frozen=True)
class QueueRuns:
    """The first of the runs of one kind, and how many there are."""

    rows: list[QueuedRun]
    count: Figure
    hidden: int = 0

    @property
    def more(self) -> bool:
        """Whether there are more than are shown or hidden."""
        return self.count.more or self.count.count > len(self.rows) + self.hidden


@dataclass
class _Counts:
    waiting: int = 0
    running: int = 0


@dataclass
class _Active:
    """How many segments are under way, by queue."""

    more: bool = False
    queues: dict[str, _Counts] = field(default_factory=lambda: defaultdict(_Counts))

    def line(self, queue: Queue) -> QueueLine:
        counts = self.queues.get(queue.name, _Counts())
        return QueueLine(
            queue, Figure(counts.waiting, self.more), Figure(counts.running, self.more)
        )


def queue_lines() -> list[QueueLine]:
    """All queues by name, those too that only runs name so far."""
    active = _active()
    queues = {queue.name: queue for queue in Queue.objects.order_by("name")[:LISTED]}
    for name in active.queues:
        queues.setdefault(name, unsaved(name))
    return [active.line(queues[name]) for name in sorted(queues)]


def queue_line(name: str) -> QueueLine:
    """One queue as the list has it. Raises QueueNotFound."""
    return _active().line(get_queue(name))


def queue_names() -> list[str]:
    """The queues that a waiting run may be moved to."""
    names = Queue.objects.exclude(name=DIRECT_QUEUE).order_by("name")
    return list(names.values_list("name", flat=True)[:LISTED])


def get_queue(name: str) -> Queue:
    """The queue; with the default limits where it is only named. Raises QueueNotFound."""
    if not name.isprintable():
        raise QueueNotFound(name)
    queue = Queue.objects.filter(name=name).first()
    if queue is not None:
        return queue
    if not _is_named(name):
        raise QueueNotFound(name)
    return unsaved(name)


def _is_named(name: str) -> bool:
    """Whether something was or will be launched into it."""
    definitions = AgentDefinition.objects.filter(default_queue=name)
    named = (Run.objects.filter(queue=name), definitions, Schedule.objects.filter(queue=name))
    return any(rows.exists() for rows in named)


def unsaved(name: str) -> Queue:
    """A queue as the first start in it would make it."""
    return Queue(name=name, **first_limits(name))


def waiting_in(name: str, sight: Sight = EVERYTHING) -> QueueRuns:
    """What waits, in the order in which it would go on or start: by kind, priority and age."""
    ready = _segments(name, SegmentState.READY).filter(run__status=RunStatus.QUEUED)
    turn = Case(*(When(kind=kind, then=turn) for turn, kind in enumerate(TURNS)))
    first = F("run__priority").asc(nulls_last=True)
    ordered = ready.order_by("-keeps_place", turn, first, "created_at", "pk")
    return _runs(ordered, sight)


def places_taken(queue: Queue) -> Figure | None:
    """How many of the queue's places are taken; None where it has places for any number."""
    if queue.concurrency is None:
        return None
    return Figure(len(places_of(queue, families()).users))


def running_of(name: str, sight: Sight = EVERYTHING) -> QueueRuns:
    """What executes in the queue, the longest first."""
    return _runs(holding(name).order_by("dispatched_at", "pk"), sight)


def _segments(name: str, *states: str) -> QuerySet[Segment]:
    return Segment.objects.filter(state__in=states, run__queue=name)


_COLUMNS = {
    "run_id": "run_id",
    "agent": "run__agent",
    "agent_version": "run__agent_version",
    "priority": "run__priority",
    "created_at": "run__created_at",
    "delayed_until": "run__delayed_until",
    "started_at": "started_at",
    "kind": "kind",
    "worker": "worker",
}


def _runs(segments: QuerySet[Segment], sight: Sight) -> QueueRuns:
    counted = _figure(segments)
    seen = segments if sight.unlimited else segments.filter(sight.runs("run__"))
    rows = [_row(values) for values in seen.values(*_COLUMNS.values())[:SHOWN]]
    hidden = 0 if sight.unlimited else counted.count - _figure(seen).count
    return QueueRuns(rows, counted, hidden)


def _figure(segments: QuerySet[Segment]) -> Figure:
    found = segments.order_by().values("pk")[: MOST_ACTIVE + 1].count()
    return Figure(min(found, MOST_ACTIVE), found > MOST_ACTIVE)


def _row(values: dict[str, Any]) -> QueuedRun:
    return QueuedRun(**{name: values[column] for name, column in _COLUMNS.items()})


def _active() -> _Active:
    some = Segment.objects.filter(state__in=ACTIVE).order_by("created_at").values("pk")
    status = (RunStatus.QUEUED, RunStatus.RUNNING)
    counted = Segment.objects.filter(pk__in=some[: MOST_ACTIVE + 1], run__status__in=status)
    found = _Active()
    total = 0
    by = counted.order_by().values_list("run__queue", "state").annotate(Count("pk"))
    for name, state, number in by:
        total += number
        counts = found.queues[name]
        if state == SegmentState.READY:
            counts.waiting += number
        else:
            counts.running += number
    found.more = total > MOST_ACTIVE
    return found
