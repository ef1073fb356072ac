"""What one tick does: the overlap rule, and the run that it launches."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from timestep.definitions import Launchable, definitions
from timestep.errors import InvalidInput, WrongStatus
from timestep.models import ACTIVE_STATUSES, Overlap, Run, Schedule, Tick, TickOutcome
from timestep.services.cancel import cancel
from timestep.services.cron import times_between
from timestep.services.launch import launch
from timestep.services.schedules import locked

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

MOST_BACKFILLED = 1000
_PROGRAM_TURNS = 20


def settle(tick: Tick) -> None:
    """Do what the overlap rule says, in the caller's transaction, and note it on the tick."""
    schedule = tick.schedule
    blocker = _active(schedule).first()
    if blocker is not None and schedule.overlap == Overlap.SKIP:
        status = blocker.get_status_display().lower()
        tick.outcome = TickOutcome.SKIPPED
        tick.note = f"skipped: run {blocker.run_id} has not ended ({status})"
        return
    if schedule.overlap == Overlap.CANCEL_RUNNING:
        tick.note = _cancelled(schedule)
    run = _launched(schedule, at=tick.at, by=None, launched_from="schedule")
    tick.run_id, tick.outcome = run.run_id, TickOutcome.LAUNCHED


@transaction.atomic
def run_now(
    name: str, *, by: AbstractBaseUser | None, launched_from: str, run_id: str | None = None
) -> Run:
    """Launch what a schedule launches, now; paused ones too, and whatever still runs.

    With the overlap rule `queue` the run waits for those before it; with `cancel_running` it
    cancels them. With a `run_id` of the caller's, calling again does nothing more.

    Raises:
        ScheduleNotFound: There is no such schedule.
        TimestepError: Its agent cannot be launched.
    """
    schedule = locked(name)
    now = timezone.now()
    if schedule.overlap == Overlap.CANCEL_RUNNING:
        _cancelled(schedule)
    run = _launched(schedule, at=None, by=by, launched_from=launched_from, run_id=run_id)
    values = {"at": now, "fired_at": now, "note": f"run now by {_who(by, launched_from)}"}
    Tick.objects.get_or_create(schedule=schedule, run_id=run.run_id, defaults=values)
    return run


def missing_ticks(schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    """The times from `start` to `end` (both included) at which it was due and launched nothing.

    Raises:
        InvalidInput: The range ends in the future, before it begins, or holds too many ticks.
    """
    if start > end:
        raise InvalidInput("start", "lies after the end")
    if end > timezone.now():
        raise InvalidInput("end", "lies in the future; those ticks come by themselves")
    ran = schedule.ticks.filter(at__range=(start, end), run_id__isnull=False)
    launched = set(ran.values_list("at", flat=True))
    found: list[datetime] = []
    for at in times_between(schedule.cron, ZoneInfo(schedule.timezone), start, end):
        if at not in launched:
            found.append(at)
        if len(found) > MOST_BACKFILLED:
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
    runs = (_backfilled(name, at, by, launched_from) for at in missing)
    return [run for run in runs if run is not None]


@transaction.atomic
def _backfilled(
    name: str, at: datetime, by: AbstractBaseUser | None, launched_from: str
) -> Run | None:
    schedule = locked(name)
    tick = schedule.ticks.filter(at=at).first() or Tick(schedule=schedule, at=at)
    if tick.run_id is not None:
        return None  # Somebody else was first.
    run = _launched(schedule, at=at, by=by, launched_from=launched_from)
    tick.run_id, tick.outcome, tick.fired_at = run.run_id, TickOutcome.LAUNCHED, timezone.now()
    tick.note = f"backfilled by {_who(by, launched_from)}"
    tick.save()
    return run


def _who(by: AbstractBaseUser | None, launched_from: str) -> str:
    return by.get_username() if by is not None else launched_from or "nobody"


def _active(schedule: Schedule) -> QuerySet[Run]:
    """Its runs that have not ended, those that await approval too."""
    active = Run.objects.filter(schedule=schedule.name, status__in=ACTIVE_STATUSES)
    return active.order_by("created_at", "run_id")


def _cancelled(schedule: Schedule) -> str:
    """Cancel what has not ended; the admission lets nothing of the schedule start before it has."""
    cancelled = []
    for run in _active(schedule).filter(cancel_requested_at__isnull=True):
        try:
            cancel(run.run_id, by=f"schedule {schedule.name}")
            cancelled.append(run.run_id)
        except WrongStatus:
            pass  # It ended in this moment.
    return f"cancelled {', '.join(cancelled)}"[:300] if cancelled else ""


def _launched(
    schedule: Schedule,
    *,
    at: datetime | None,
    by: AbstractBaseUser | None,
    launched_from: str,
    run_id: str | None = None,
) -> Run:
    given = _launchable(schedule)
    timeout = schedule.timeout_seconds
    return launch(
        spec=given.spec,
        run_id=run_id,
        input=schedule.input,
        agent=given.agent,
        agent_version=given.agent_version,
        session_id=schedule.session_id,
        session_spec=schedule.session_spec,
        queue=schedule.queue or given.queue,
        priority=schedule.priority,
        timeout_seconds=given.timeout_seconds if timeout is None else timeout,
        max_turns=given.max_turns,
        launched_by=by,
        launched_from=launched_from,
        schedule=schedule.name,
        scheduled_at=at,
    )


def _launchable(schedule: Schedule) -> Launchable:
    if schedule.spec is None:
        return definitions().resolve(schedule.agent)
    return Launchable(schedule.spec, schedule.agent, None, "default", None, _PROGRAM_TURNS)
