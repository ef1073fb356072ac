"""Backfilling: launching what a schedule would have launched in a range of the past."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from timestep.definitions import definitions
from timestep.errors import InvalidInput
from timestep.models import Run, Schedule, Tick, TickOutcome
from timestep.services.audit import record
from timestep.services.cron import times_between
from timestep.services.database_clock import database_now
from timestep.services.launch import insert_runs
from timestep.services.schedules import locked, subject_of
from timestep.services.ticks import actor_of, run_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

MOST_BACKFILLED = 1000
_MOST_IN_A_RANGE = 20_000
# So many in one transaction: on SQLite nobody else writes meanwhile.
_AT_ONCE = 50


def missing_ticks(schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    """The times from `start` to `end` (both included) at which it was due and launched nothing.

    What lies before the schedule's own start or after its end was never due.

    Raises:
        InvalidInput: The range ends in the future, before it begins, or holds too many ticks.
    """
    if start > end:
        raise InvalidInput("start", "lies after the end")
    if end > database_now():
        raise InvalidInput("end", "lies in the future; those ticks come by themselves")
    start, end = max(start, schedule.starts_at or start), min(end, schedule.ends_at or end)
    ran = schedule.ticks.filter(at__range=(start, end), run_id__isnull=False)
    launched = set(ran.values_list("at", flat=True)[: _MOST_IN_A_RANGE + 1])
    due = times_between(schedule.cron, ZoneInfo(schedule.timezone), start, end)
    missing = islice((at for at in due if at not in launched), MOST_BACKFILLED + 1)
    found = list(missing) if len(launched) <= _MOST_IN_A_RANGE else []
    if len(found) > MOST_BACKFILLED or len(launched) > _MOST_IN_A_RANGE:
        raise InvalidInput("end", f"more than {MOST_BACKFILLED} ticks; take a shorter range")
    return found


def backfill(
    name: str, start: datetime, end: datetime, *, by: AbstractBaseUser | None, launched_from: str
) -> list[Run]:
    """Launch every missing tick of a range once, in order, whatever the overlap rule skips.

    Raises:
        ScheduleNotFound: There is no such schedule.
        InvalidInput: See `missing_ticks`.
        TimestepError: Its agent cannot be launched; ticks before that one are launched.
    """
    with transaction.atomic():
        missing = missing_ticks(locked(name), start, end)
    runs: list[Run] = []
    for first in range(0, len(missing), _AT_ONCE):
        runs += _backfilled(name, missing[first : first + _AT_ONCE], by, launched_from)
    return runs


@transaction.atomic
def _backfilled(
    name: str, times: Sequence[datetime], by: AbstractBaseUser | None, launched_from: str
) -> list[Run]:
    schedule, actor = locked(name), actor_of(by, launched_from)
    ticks = {tick.at: tick for tick in schedule.ticks.filter(at__in=times)}
    # Somebody else may have been first.
    left = [at for at in times if at not in ticks or ticks[at].run_id is None]
    if not left:
        return []
    more = {"launched_by": by, "launched_from": launched_from}
    resolve = functools.cache(definitions().resolve)
    runs = [run_of(schedule, resolve, at, scheduled_at=at, **more) for at in left]
    insert_runs(runs)
    note, now = f"backfilled by {actor.name}", timezone.now()
    Tick.objects.filter(schedule=schedule, at__in=left).delete()
    Tick.objects.bulk_create(
        Tick(
            schedule=schedule,
            at=at,
            fired_at=now,
            run_id=run.run_id,
            outcome=TickOutcome.LAUNCHED,
            note=note,
        )
        for at, run in zip(left, runs, strict=True)
    )
    first, last = left[0].isoformat(), left[-1].isoformat()
    record(actor, "schedule.backfilled", subject_of(name), first=first, last=last, runs=len(runs))
    return runs
