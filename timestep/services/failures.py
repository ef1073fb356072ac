"""Pausing schedules whose runs fail again and again."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from heapq import nlargest

from django.db import transaction
from django.db.models import QuerySet

from timestep.masking import masked_text
from timestep.models import Run, RunStatus, Schedule, Tick, TickOutcome
from timestep.services.audit import Actor
from timestep.services.database_clock import database_now
from timestep.services.schedules import locked, mark_paused, record_paused

logger = logging.getLogger(__name__)

# Who pauses what fails.
THE_CLOCK = Actor("the clock", "worker")
EVERY_SECONDS = 5.0
# Transactions become visible a little after the times that they write, and hosts' clocks differ.
_OVERLAP = timedelta(minutes=2)
# What failed before a process began was seen by those before it; what they did not see, too.
_AT_FIRST = timedelta(hours=1)
_FAILED = (RunStatus.FAILED, RunStatus.TIMED_OUT)
_COUNTED = (*_FAILED, RunStatus.SUCCEEDED)


class _Looks:
    """When this process looks for failed runs of schedules again, and how far back."""

    def __init__(self) -> None:
        self.next = 0.0
        self.since: datetime | None = None


_LOOKS = _Looks()


def pause_failing() -> float | None:
    """Pause schedules of which so many runs in a row have failed lately as they say.

    Named in the setting `TIMESTEP_CLOCKS`; workers call it, and it looks every few seconds.

    Returns:
        Seconds until it looks again.
    """
    left = _LOOKS.next - time.monotonic()
    if left > 0:
        return left
    now = database_now()
    # A clock that was ahead must not keep what fails now from being seen.
    since = min(_LOOKS.since or now - _AT_FIRST, now)
    failed = Run.objects.filter(status__in=_FAILED, finished_at__gte=since, schedule__isnull=False)
    pause_those_that_fail(list(_watched().filter(name__in=failed.values("schedule"))))
    _LOOKS.since, _LOOKS.next = now - _OVERLAP, time.monotonic() + EVERY_SECONDS
    return EVERY_SECONDS


def pause_failing_before(moment: datetime) -> None:
    """Pause those that are due by then, so that nothing is launched after too many failures."""
    pause_those_that_fail(list(_watched().filter(next_at__lte=moment)))


def pause_those_that_fail(schedules: list[Schedule]) -> None:
    """Pause each of the schedules that fails; one transaction for each."""
    for schedule in schedules:
        if len(failures_of(schedule)) >= (schedule.pause_after_failures or 0):
            _pause(schedule.name)


@transaction.atomic
def _pause(name: str) -> None:
    schedule = locked(name)
    failures = failures_of(schedule)
    # Somebody may have changed or resumed it since it was looked at.
    if schedule.paused or not 0 < (schedule.pause_after_failures or 0) <= len(failures):
        return
    count = schedule.pause_after_failures
    said = "1 failure" if count == 1 else f"{count} failures in a row, the last"
    mark_paused(schedule, THE_CLOCK.name, f"{said}: {failures[0][1]}")
    schedule.save()
    record_paused(schedule, THE_CLOCK)
    logger.warning("schedule %s paused itself: %s", name, schedule.paused_why)


def failures_of(schedule: Schedule) -> list[tuple[datetime, str]]:
    """The latest failures in a row, newest first: when, and what; as many as matter.

    Runs that failed or timed out and ticks whose run could not be launched count; cancelled runs
    count neither way. What was before the schedule was resumed does not count any more.
    """
    limit = schedule.pause_after_failures or 1
    latest = nlargest(limit, [*_ended(schedule, limit), *_not_launched(schedule, limit)])
    failures: list[tuple[datetime, str]] = []
    for at, what in latest:
        if not what:
            break
        failures.append((at, what))
    return failures


def _ended(schedule: Schedule, limit: int) -> list[tuple[datetime, str]]:
    """The latest runs that ended, and why they failed; nothing of those that succeeded."""
    rows = Run.objects.filter(schedule=schedule.name, status__in=_COUNTED)
    if schedule.counted_from is not None:
        rows = rows.filter(finished_at__gt=schedule.counted_from)
    rows = rows.order_by("-created_at", "-run_id").only("run_id", "created_at", "status", "error")
    return [(run.created_at, _what(run)) for run in rows[:limit]]


def _what(run: Run) -> str:
    if run.status == RunStatus.SUCCEEDED:
        return ""
    message = masked_text(str((run.error or {}).get("message", "")))
    return f"run {run.run_id} {run.get_status_display().lower()}: {message}".rstrip(": ")


def _not_launched(schedule: Schedule, limit: int) -> list[tuple[datetime, str]]:
    tried = (TickOutcome.LAUNCHED, TickOutcome.FAILED)
    rows = Tick.objects.filter(schedule=schedule, outcome__in=tried)
    if schedule.counted_from is not None:
        rows = rows.filter(fired_at__gt=schedule.counted_from)
    latest = rows.order_by("-at").values_list("fired_at", "note", "outcome")[:limit]
    return [(at, note) for at, note, outcome in latest if outcome == TickOutcome.FAILED]


def _watched() -> QuerySet[Schedule]:
    return Schedule.objects.filter(paused=False, pause_after_failures__isnull=False)
