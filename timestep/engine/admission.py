"""Which ready segments may start now, by the limits of their queues.

Kept in our own rows and not in DBOS's queues: rate windows, concurrency, priorities and pauses
are then one transaction with what starts, a change is in force at the next pass, and an idle
worker polls nothing (docs/concepts.md, "Queues", has the figures).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import OperationalError, connection, transaction
from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet

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
from timestep.postgres import is_locked
from timestep.services import awaits
from timestep.services.awaits import Families
from timestep.services.database_clock import database_now, database_time
from timestep.services.places import Places, places_of, starts_in_window, stuck, window_of
from timestep.services.workers import living_processes

# A pass takes few, so that several workers share a burst.
BATCH = 16
# How long a script leaves to workers what it could take as well.
WORKERS_FIRST_SECONDS = 2.0
_WORKERS_FIRST = timedelta(seconds=WORKERS_FIRST_SECONDS)


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
        capped: The queues that have places, over all workers or on each.
    """

    worker_id: str
    own_only: bool = False
    unbuildable: frozenset[str] = frozenset()
    at_home: frozenset[str] = frozenset()
    of_programs: frozenset[str] = frozenset()
    stopped: Stopped = NOTHING_STOPPED
    queues: frozenset[str] = frozenset()
    capped: frozenset[str] = frozenset()

    def offered(self) -> Q:
        """The condition on segments that may be given to it."""
        mine = Q(run__reserved_for=self.worker_id)
        left = Q(run__reserved_for__isnull=True)
        if self.stopped.draining:
            # What nobody else can take is not new: it would wait for ever.
            left &= Q(run__spec_id__in=self.at_home)
        elif self.own_only:
            lying = Q(created_at__lt=database_time(_WORKERS_FIRST))
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
    """What people have decided, in queues that have places for any number: at once."""
    return _going_on(taker, SegmentKind.RESUME).filter(_needs_no_place(taker))[:BATCH]


def continuations(taker: Taker) -> QuerySet[Segment]:
    """Retries in such queues, and takeovers in all: these have kept their places."""
    return _going_on(taker, SegmentKind.CONTINUE).filter(_needs_no_place(taker))[:BATCH]


def anything_waits(taker: Taker) -> bool:
    """Whether anything is ready that needs a place or a start; asked before a lock is taken."""
    return _waiting(taker).exists() or (bool(taker.capped) and _for_places(taker).exists())


def startable(taker: Taker) -> list[Segment]:
    """What may take a place or start now, best first; call in a transaction.

    Locks the rows of the queues that have limits, so that two workers never fill the same place.
    """
    chosen: list[Segment] = []
    queues, families = _queues_waiting(taker), awaits.families()
    unlimited, all_seen = _unlimited(queues), True
    for name in queues:
        most = BATCH - len(chosen)
        if name in unlimited:
            chosen += _locked(_best(_waiting(taker, name)), most)
        elif (queue := _locked_queue(name)) is not None:
            chosen += _placed(taker, queue, families, most)
        else:
            all_seen = False
    # What goes on in a queue that others hold at this moment may be what the rest waits for.
    return chosen or (_unstuck(taker, families) if all_seen else [])


def _needs_no_place(taker: Taker) -> Q:
    if not taker.capped:
        return Q()
    return ~Q(run__queue__in=taker.capped) | Q(keeps_place=True)


def _going_on(taker: Taker, kind: SegmentKind) -> QuerySet[Segment]:
    """Resumes, or retries and takeovers; only of the latter can one find its session in use."""
    ready = _ready(taker).filter(kind=kind)
    if kind == SegmentKind.CONTINUE:
        # A retry's: the run's end had left it to others.
        ready = ready.exclude(_session_taken())
    return _best(ready)


def _for_places(taker: Taker, name: str | None = None) -> QuerySet[Segment]:
    """What goes on and needs a place of its queue, or of any."""
    queues = taker.capped if name is None else (name,)
    ready = _ready(taker).filter(run__queue__in=queues, keeps_place=False)
    retries = Q(kind=SegmentKind.CONTINUE) & ~Q(_session_taken())
    return ready.filter(Q(kind=SegmentKind.RESUME) | retries)


def _unlimited(names: list[str]) -> set[str]:
    """Those of the queues that limit nothing: their rows are not locked, and no others wait."""
    none = dict.fromkeys(("limit", "concurrency", "worker_concurrency", "paused_at"))
    queues = Queue.objects.filter(name__in=names, **none)
    return set(queues.values_list("name", flat=True))


def _locked(ready: QuerySet[Segment], most: int) -> list[Segment]:
    """The first of them, but for those that another process holds: a worker that takes them,
    somebody who moves or cancels them, or a process that stands still."""
    if connection.vendor == "postgresql":
        ready = ready.select_related("run")
        ready = ready.select_for_update(skip_locked=True, no_key=True, of=("self", "run"))
    return list(ready[:most])


def _placed(
    taker: Taker, queue: Queue, families: Families, most: int, *, above: bool = False
) -> list[Segment]:
    """What may go on or start in a queue that is locked: resumes, then retries, then launches.

    Args:
        taker: Who asks.
        queue: The queue.
        families: Which runs await which.
        most: How many at most.
        above: Whether one that is awaited may go on or start where all places are taken.
    """
    if queue.paused:
        return []
    room = _Room(
        [places_of(queue, families), places_of(queue, families, taker.worker_id)],
        families.awaited,
        above=above,
    )
    needing = _for_places(taker, queue.name)
    chosen = room.fill(_best(needing.filter(kind=SegmentKind.RESUME)), most)
    chosen += room.fill(_best(needing.filter(kind=SegmentKind.CONTINUE)), most - len(chosen))
    room.kept = _waiting_elsewhere(taker, queue.name)
    starts = min(most - len(chosen), _starts_left(queue))
    return chosen + room.fill(_best(_waiting(taker, queue.name)), starts)


class _Room:
    """The places of a queue, over all workers and on this one, as they are filled."""

    def __init__(self, places: list[Places], awaited: set[str], *, above: bool) -> None:
        self._places = places
        self._awaited = awaited
        self._above = above
        # For those that go on and that only others can take.
        self.kept = 0

    def fill(self, ready: QuerySet[Segment], most: int) -> list[Segment]:
        """The first for which there is a place; those first that may be lent one."""
        if most <= 0:
            return []
        nested = _locked(ready.filter(run_id__in=self._awaited), BATCH) if self._awaited else []
        taken: list[Segment] = []
        for segment in (*nested, *_locked(ready, self._free(most))):
            if len(taken) < most and segment not in taken and self._admits(segment.run_id):
                taken.append(segment)
                for places in self._places:
                    places.take(segment.run_id)
        return taken

    def _free(self, most: int) -> int:
        return min([most, *(one.free for one in self._places if one.free is not None)])

    def _admits(self, run_id: str) -> bool:
        if self._above and run_id in self._awaited:
            self._above = False
            return True
        return all(places.admits(run_id, self.kept) for places in self._places)


def _unstuck(taker: Taker, families: Families) -> list[Segment]:
    """One run above the cap, where runs that await each other have all places of their queues.

    Called when all queues with limits are locked in which something waits.
    """
    if not families.awaited or not taker.capped:
        return []
    for name in stuck(families):
        ready = (_for_places(taker, name), _waiting(taker, name))
        if not any(one.filter(run_id__in=families.awaited).exists() for one in ready):
            continue
        if (queue := _locked_queue(name)) is not None:
            return _placed(taker, queue, families, 1, above=True)
    return []


def _waiting_elsewhere(taker: Taker, name: str) -> int:
    """How much of the queue goes on before launches, in other processes that keep it for them."""
    living = living_processes().exclude(worker_id=taker.worker_id)
    kept = Segment.objects.filter(
        ~Q(kind=SegmentKind.START),
        run__reserved_for__in=living.values("worker_id"),
        run__queue=name,
        run__status=RunStatus.QUEUED,
        state=SegmentState.READY,
        keeps_place=False,
    ).exclude(run__agent__in=taker.stopped.agents)
    return kept.exclude(_session_taken() & Q(kind=SegmentKind.CONTINUE)).count()


def seconds_until_room(taker: Taker) -> float | None:
    """When the first launch that is held back by a delay or a rate window may start.

    None where none is held back by either.
    """
    names = _queues_waiting(taker)[:100]
    waits = [_seconds_to_window(queue) for queue in Queue.objects.filter(name__in=names)]
    waits.append(_seconds_to_delayed(taker))
    return min((wait for wait in waits if wait is not None), default=None)


def _queues_waiting(taker: Taker) -> list[str]:
    """The queues in which anything waits, by name: all lock them in the same order."""
    waits = [_waiting(taker), *([_for_places(taker)] if taker.capped else [])]
    # Without the default order: by that each segment would be distinct.
    names = [one.order_by().values_list("run__queue", flat=True).distinct() for one in waits]
    return sorted({name for found in names for name in found})


def _seconds_to_delayed(taker: Taker) -> float | None:
    later = Q(run__delayed_until__gt=database_time())
    delayed = _ready(taker).filter(later, kind=SegmentKind.START)
    first = delayed.aggregate(first=Min("run__delayed_until"))["first"]
    return None if first is None else max(0.0, (first - database_now()).total_seconds())


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


def _waiting(taker: Taker, name: str | None = None) -> QuerySet[Segment]:
    """First segments that are ready, not delayed, and held up by no earlier run."""
    starts = _ready(taker).filter(_due("run__delayed_until"), kind=SegmentKind.START)
    if name is not None:
        starts = starts.filter(run__queue=name)
    return starts.exclude(_session_busy()).exclude(_schedule_busy())


def _due(column: str) -> Q:
    return Q(**{f"{column}__isnull": True}) | Q(**{f"{column}__lte": database_time()})


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


def _best(ready: QuerySet[Segment]) -> QuerySet[Segment]:
    """Lowest priority number first; a run without one comes after all that have one."""
    first = F("run__priority").asc(nulls_last=True)
    return ready.order_by(first, "created_at", "segment_id")


def _locked_queue(name: str) -> Queue | None:
    """The queue's row, made with the default limits when it is named for the first time.

    None where another process has it for longer than `LOCK_SECONDS`: it may stand still, and the
    other queues must not wait for that.
    """
    Queue.objects.get_or_create(name=name, defaults=first_limits(name))
    queues = Queue.objects.filter(name=name)
    if (free := queues.select_for_update(skip_locked=True).first()) is not None:
        return free
    try:
        with transaction.atomic():
            return queues.select_for_update().first()
    except OperationalError as error:
        if not is_locked(error):
            raise
        return None


def _starts_left(queue: Queue) -> int:
    """How many may start within the queue's rate."""
    if queue.limit is None:
        return BATCH
    return queue.limit - starts_in_window(queue)[: queue.limit].count()


def _seconds_to_window(queue: Queue) -> float | None:
    if queue.limit is None:
        return None
    times = starts_in_window(queue).values_list("started_at", flat=True)[: queue.limit]
    oldest = next(iter(times), None)
    if len(times) < queue.limit or oldest is None:
        return None
    return max(0.0, (oldest + window_of(queue) - database_now()).total_seconds())
