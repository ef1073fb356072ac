"""What is known of a run that does not move, and what a reason consists of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from approvals.access import Sight
from timestep.models import Hold, Queue, Run, Segment, SegmentKind, SegmentState, Worker, WorkerKind
from timestep.services.holds import active
from timestep.services.workers import living_processes
from workflows.selectors.queues import unsaved

NAMED = 5


@dataclass(frozen=True)
class Mend:
    """A button that mends it, or leads there.

    Args:
        label: What the button says.
        url: Where it goes.
        permission: Whom it is shown to.
        post: Whether pressing it does the act; else it is a link.
        sent: What is sent besides.
    """

    label: str
    url: str
    permission: str = ""
    post: bool = False
    sent: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Named:
    """Another run that a reason names."""

    run_id: str
    agent: str
    since: datetime | None = None


@dataclass(frozen=True)
class Reason:
    """One thing that is in the way.

    `what` is a word for it; `others` are runs that the reason names, and `unnamed` how many more.
    """

    what: str
    text: str
    since: datetime | None = None
    until: datetime | None = None
    others: tuple[Named, ...] = ()
    unnamed: int = 0
    mends: tuple[Mend, ...] = field(default=())


class Case:
    """A run that does not move, and what is around it, each looked up once.

    Args:
        run: The run, with its spec.
        sight: Which other runs may be named.
    """

    def __init__(self, run: Run, sight: Sight) -> None:
        self.run = run
        self.sight = sight

    @cached_property
    def segment(self) -> Segment | None:
        """The segment that is to start, or go on."""
        due = (SegmentState.READY, SegmentState.DISPATCHED)
        return self.run.segments.filter(state__in=due).order_by("-n").first()

    @property
    def is_start(self) -> bool:
        """Whether it waits for its first start, which its queue's rate counts."""
        segment = self.segment
        ready = segment is not None and segment.state == SegmentState.READY
        return ready and segment is not None and segment.kind == SegmentKind.START

    @property
    def needs_place(self) -> bool:
        """Whether it starts or goes on as soon as it has a place in its queue.

        A takeover has kept the place of its run.
        """
        segment = self.segment
        return (
            segment is not None and segment.state == SegmentState.READY and not segment.keeps_place
        )

    @property
    def is_given(self) -> bool:
        """Whether a worker has it already, and has not begun."""
        return self.segment is not None and self.segment.state == SegmentState.DISPATCHED

    @property
    def worker(self) -> str:
        """The worker that has it."""
        return (self.segment.worker if self.segment else None) or ""

    @property
    def given_at(self) -> datetime | None:
        """Since when a worker has it."""
        return self.segment.dispatched_at if self.segment else None

    @property
    def begun(self) -> bool:
        """Whether it has steps that would be replayed."""
        return self.run.started_at is not None

    @cached_property
    def queue(self) -> Queue:
        """Its queue."""
        name = self.run.queue
        return Queue.objects.filter(name=name).first() or unsaved(name)

    @cached_property
    def holds(self) -> list[Hold]:
        """All holds that are active."""
        return active()

    @cached_property
    def alive(self) -> list[Worker]:
        """Processes that execute."""
        return list(living_processes())

    @property
    def workers(self) -> list[Worker]:
        """Those that take what others launch."""
        return [one for one in self.alive if one.kind == WorkerKind.WORKER]

    @property
    def takers(self) -> list[Worker]:
        """Those of the workers that take from its queue."""
        return [one for one in self.workers if one.serves(self.run.queue)]

    def naming(self, runs: Iterable[Named], total: int) -> tuple[tuple[Named, ...], int]:
        """The runs that may be named, a few of them, and how many more there are."""
        seen = [one for one in runs if self.sight.sees(one.agent)][:NAMED]
        return tuple(seen), max(0, total - len(seen))
