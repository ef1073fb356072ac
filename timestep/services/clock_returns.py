"""A clock that was ahead and came back: what was done by it in the meantime is set right.

A schedule that fired, or was saved, by a clock two hours ahead is next due in two hours, and would
be silent until then. Such a clock leaves a mark: a time of its own that is still to come.
"""

from __future__ import annotations

import logging
from datetime import datetime
from zoneinfo import ZoneInfoNotFoundError

from croniter import CroniterError
from django.db import transaction
from django.db.models import Q, QuerySet

from timestep.models import Schedule, Tick, TickOutcome
from timestep.services.schedules import due_after

logger = logging.getLogger(__name__)


def set_right(now: datetime) -> None:
    """Let schedules be due again when their lines say, if a clock that was ahead says later.

    No tick is lost: what that clock took for missed comes at its time, or at once where that has
    come. None is doubled: what it launched too early is not launched again.
    """
    marked = _marked(now)
    # Looked at outside first: on SQLite a transaction takes the file's only write lock.
    for name in [one.name for one in marked if is_ahead(one, now)]:
        _set_one_right(name, now)


def is_ahead(schedule: Schedule, now: datetime) -> bool:
    """Whether an active schedule is next due later than its line says, or never any more."""
    try:
        due = due_after(schedule, now)
    except (ZoneInfoNotFoundError, CroniterError):
        return False  # It stops itself when it is due.
    return due is not None and (schedule.next_at is None or schedule.next_at > due)


def _marked(now: datetime) -> QuerySet[Schedule]:
    still_to_come = Q(last_at__gt=now) | Q(updated_at__gt=now)
    return Schedule.objects.filter(still_to_come, paused=False).defer("input")


@transaction.atomic
def _set_one_right(name: str, now: datetime) -> None:
    held = Schedule.objects.select_for_update(skip_locked=True, of=("self",))
    schedule = held.filter(name=name, paused=False).first()
    if schedule is None or not is_ahead(schedule, now):
        return
    said = schedule.next_at
    by_that_clock = Q(at__gt=now) | Q(fired_at__gt=now)
    missed = schedule.ticks.filter(by_that_clock, outcome=TickOutcome.MISSED)
    times = [*missed.values_list("at", flat=True), due_after(schedule, now)]
    missed.delete()
    next_at = min(at for at in times if at is not None)
    Schedule.objects.filter(name=name).update(next_at=next_at, last_at=_last(schedule, now))
    logger.warning(
        "a clock was ahead, and is not any more: schedule %s was next due at %s, and is at %s",
        *(name, said, next_at),
    )


def _last(schedule: Schedule, now: datetime) -> datetime | None:
    fired = Tick.objects.filter(schedule=schedule, at__lte=now).order_by("-at")
    return fired.values_list("at", flat=True).first()
