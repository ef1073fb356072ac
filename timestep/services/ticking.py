"""The clock of schedules: every worker calls `fire_due`, and each tick happens once.

A tick, the run that it launches and the time of the next one are one transaction, on the locked
row of the schedule. One that is up to a minute late is launched all the same. Of those that nobody
was there for (`LATEST` and more), the latest is launched; with `catch_up` each, in order.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterError
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from timestep.errors import TimestepError
from timestep.models import Schedule, Tick, TickOutcome
from timestep.services.cron import last_until
from timestep.services.schedules import due_after, pause
from timestep.services.ticks import settle
from timestep.storable import storable_text

logger = logging.getLogger(__name__)

LATEST = timedelta(seconds=60)
_AT_ONCE = 100


def fire_due(now: datetime | None = None) -> float | None:
    """Launch every schedule that is due; any number of workers may do so at the same time.

    Returns:
        Seconds until the next tick (0 if one is due already), or None when no schedule is active.
    """
    moment = now or timezone.now()
    waiting = Schedule.objects.filter(paused=False, next_at__isnull=False).order_by("next_at")
    for name in list(waiting.filter(next_at__lte=moment).values_list("name", flat=True)[:_AT_ONCE]):
        _fire(name, moment)
    soonest = waiting.values_list("next_at", flat=True).first()
    if soonest is None:
        return None
    return max(0.0, (soonest - (now or timezone.now())).total_seconds())


@transaction.atomic
def _fire(name: str, now: datetime) -> None:
    """One tick, its run and the time of the next one: all of it or nothing."""
    due = Schedule.objects.filter(name=name, paused=False, next_at__lte=now)
    # Skipped where locked: another worker fires it, or somebody changes it at this moment.
    held = due.select_for_update(skip_locked=True, of=("self",)).select_related("spec")
    schedule = held.defer("spec__body").first()
    if schedule is None or schedule.next_at is None:
        return
    try:
        at = _tick_to_fire(schedule, schedule.next_at, now)
        next_at = due_after(schedule, at)
    except (ZoneInfoNotFoundError, CroniterError) as error:
        # Saved under other time zone data or another croniter: one such schedule stops itself,
        # not the clock of all the others.
        why = f"its times cannot be worked out: {error}"
        pause(name, by="the clock", why=why)
        values = {"outcome": TickOutcome.FAILED, "note": storable_text(f"paused: {why}")[:300]}
        Tick.objects.get_or_create(schedule=schedule, at=schedule.next_at, defaults=values)
        return
    # Backfilled already, perhaps.
    if not Tick.objects.filter(schedule=schedule, at=at).exists():
        _settled(Tick(schedule=schedule, at=at, fired_at=timezone.now())).save()
    schedule.last_at, schedule.next_at = at, next_at
    schedule.save(update_fields=["last_at", "next_at"])


def _tick_to_fire(schedule: Schedule, due: datetime, now: datetime) -> datetime:
    """The tick that is due, or the latest of those that nobody was there for."""
    if schedule.catch_up or now - due <= LATEST:
        return due
    latest = last_until(schedule.cron, ZoneInfo(schedule.timezone), due, now)
    if latest != due:
        note = f"missed, as all before {latest:%Y-%m-%d %H:%M:%S} UTC: no worker was alive"
        values = {"outcome": TickOutcome.MISSED, "note": note}
        Tick.objects.get_or_create(schedule=schedule, at=due, defaults=values)
    return latest


def _settled(tick: Tick) -> Tick:
    """The tick after what it does; where that fails it says why, and the schedule goes on."""
    try:
        with transaction.atomic():
            settle(tick)
    except (OperationalError, InterfaceError):
        raise  # The database is away, which says nothing about the schedule.
    except TimestepError as error:
        tick.outcome, tick.note = TickOutcome.FAILED, _note(str(error))
    except Exception as error:  # one broken row must not stop the clock of all the others
        logger.exception("schedule %s", tick.schedule_id)
        tick.outcome, tick.note = TickOutcome.FAILED, _note(f"{type(error).__name__}: {error}")
    return tick


def _note(reason: str) -> str:
    return storable_text(f"not launched: {reason}")[:300]
