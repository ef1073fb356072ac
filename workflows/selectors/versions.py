"""Engine versions side by side: whose runs wait for whom while a release rolls out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import BooleanField, Case, Count, Value, When

from timestep.models import ACTIVE_STATUSES, Run, Worker
from timestep.services.workers import living_processes

# Of more that is under way, counts say "at least".
MOST_COUNTED = 10_000


@dataclass(frozen=True)
class VersionLine:
    """One engine version: who executes it, and what of it is under way.

    `takers` are the living processes that can go on with what was begun under it, and `starters`
    those that can begin what was not.
    """

    version: int
    own: int
    begun: int
    waiting: int
    takers: int
    starters: int
    more: bool = False

    @property
    def stuck(self) -> int:
        """How much of it nobody who is alive can execute."""
        begun = 0 if self.takers else self.begun
        return begun + (0 if self.starters else self.waiting)


def version_lines() -> list[VersionLine]:
    """The versions of what is alive and of what is under way; empty where all are of one."""
    alive = list(living_processes())
    counts, more = _under_way()
    versions = sorted({one.engine_version for one in alive} | counts.keys())
    if len(versions) < 2:
        return []
    return [_line(version, alive, counts[version], more=more) for version in versions]


def _line(version: int, alive: list[Worker], counts: dict[bool, int], *, more: bool) -> VersionLine:
    return VersionLine(
        version=version,
        own=sum(one.engine_version == version for one in alive),
        begun=counts[True],
        waiting=counts[False],
        takers=sum(one.can_take(version, begun=True) for one in alive),
        starters=sum(one.can_take(version, begun=False) for one in alive),
        more=more,
    )


def _under_way() -> tuple[dict[int, dict[bool, int]], bool]:
    """How many active runs have and have not begun, by version; and whether there are more."""
    some = Run.objects.filter(status__in=ACTIVE_STATUSES).order_by().values("pk")
    begun = Case(
        When(started_at__isnull=True, then=Value(value=False)),
        default=Value(value=True),
        output_field=BooleanField(),
    )
    counted = Run.objects.filter(pk__in=some[: MOST_COUNTED + 1]).order_by()
    found: dict[int, dict[bool, int]] = defaultdict(lambda: defaultdict(int))
    total = 0
    by = counted.annotate(begun=begun).values_list("engine_version", "begun")
    for version, has_begun, number in by.annotate(Count("pk")):
        found[version][bool(has_begun)] += number
        total += number
    return found, total > MOST_COUNTED
