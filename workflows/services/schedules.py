"""Schedules: saving them, and launching what is due.

Nothing is caught up: a tick that came more than a minute ago while no worker was alive is noted as
missed, and the schedule goes on from now.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterError
from django.db import transaction
from django.utils import timezone

from timestep.errors import TimestepError
from timestep.models import Run
from workflows.errors import ScheduleNotFound
from workflows.models import Schedule, Tick
from workflows.services.cron import next_after
from workflows.services.launching import launch_agent
from workflows.services.schedule_checks import DEFAULTS, cleaned_fields

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

LATEST = timedelta(seconds=60)
_AT_ONCE = 100


@transaction.atomic
def save_schedule(fields: Mapping[str, Any], *, name: str | None = None) -> Schedule:
    """Create or update a schedule.

    Args:
        fields: Field → value (name, agent, input, cron, timezone, active). Those not given keep
            their value, or get their default at first.
        name: The schedule, where `fields` does not say it. A name never changes.

    Raises:
        ValidationError: Messages by the name of the field at fault; nothing was changed.
    """
    wanted = fields.get("name", name)
    current = Schedule.objects.select_for_update().filter(name=str(wanted)).first()
    kept = fields_of(current) if current is not None else {}
    cleaned = cleaned_fields({**kept, **fields, "name": wanted}, kept_name=name)
    schedule = current or Schedule()
    timing = ("cron", "timezone", "active")
    moved = current is None or any(kept[one] != cleaned[one] for one in timing)
    schedule.agent_id = cleaned.pop("agent")
    for field, value in cleaned.items():
        setattr(schedule, field, value)
    if moved:
        schedule.next_at = _next(schedule, timezone.now()) if schedule.active else None
    schedule.save()
    return schedule


def fields_of(schedule: Schedule) -> dict[str, Any]:
    """The fields of a schedule as `save_schedule` takes them."""
    own = {name: getattr(schedule, name) for name in DEFAULTS if name != "agent"}
    return {**own, "agent": schedule.agent_id}


def pause(name: str) -> Schedule:
    """Stop launching by the clock. Raises ScheduleNotFound."""
    return _switch(name, active=False)


def resume(name: str) -> Schedule:
    """Launch by the clock again, from now on. Raises ScheduleNotFound."""
    return _switch(name, active=True)


@transaction.atomic
def _switch(name: str, *, active: bool) -> Schedule:
    schedule = _locked(name)
    if schedule.active != active:
        schedule.active = active
        schedule.next_at = _next(schedule, timezone.now()) if active else None
        schedule.save()
    return schedule


@transaction.atomic
def run_now(name: str, *, by: AbstractBaseUser | None, launched_from: str) -> Run:
    """Launch what a schedule launches, now; paused ones too.

    Raises:
        ScheduleNotFound: There is no such schedule.
        AgentInactive, SpecIncomplete: Its agent cannot be launched.
    """
    schedule = _locked(name)
    now = timezone.now()
    run = launch_agent(
        schedule.agent_id,
        input=schedule.input,
        launched_from=launched_from,
        by=by,
        schedule=name,
    )
    who = by.get_username() if by is not None else "nobody"
    Tick.objects.create(schedule=schedule, at=now, run_id=run.run_id, note=f"run now by {who}")
    return run


def fire_due(now: datetime | None = None) -> float | None:
    """Launch every schedule that is due; any number of workers may do so at the same time.

    Returns:
        Seconds until the next tick (0 if one is due already), or None when no schedule is active.
    """
    moment = now or timezone.now()
    active = Schedule.objects.filter(active=True, next_at__isnull=False).order_by("next_at")
    for name in list(active.filter(next_at__lte=moment).values_list("name", flat=True)[:_AT_ONCE]):
        _fire(name, moment)
    soonest = active.values_list("next_at", flat=True).first()
    return None if soonest is None else max(0.0, (soonest - moment).total_seconds())


@transaction.atomic
def _fire(name: str, now: datetime) -> None:
    """One tick, its run and the time of the next one: all of it or nothing."""
    schedule = Schedule.objects.select_for_update().filter(name=name, active=True).first()
    if schedule is None or schedule.next_at is None or schedule.next_at > now:
        return  # Another worker was first, or somebody paused it.
    at = schedule.next_at
    tick, new = Tick.objects.get_or_create(schedule=schedule, at=at)
    if new:
        tick.run_id, tick.note = _launched(schedule, at, now)
        tick.save()
    schedule.last_at = at
    try:
        schedule.next_at = _next(schedule, now)
    except (ZoneInfoNotFoundError, CroniterError) as error:
        # Saved under other time zone data or another croniter: one such schedule stops itself,
        # not the clock of all the others.
        schedule.active, schedule.next_at = False, None
        Tick.objects.filter(pk=tick.pk).update(note=f"paused: {error}"[:300])
    schedule.save(update_fields=["active", "last_at", "next_at"])


def _launched(schedule: Schedule, at: datetime, now: datetime) -> tuple[str | None, str]:
    """The run of a tick, or why there is none."""
    if now - at > LATEST:
        return None, f"missed: no worker was alive; skipped until {now:%Y-%m-%d %H:%M:%S} UTC"
    try:
        run = launch_agent(
            schedule.agent_id,
            input=schedule.input,
            launched_from="schedule",
            schedule=schedule.name,
            scheduled_at=at,
        )
    except TimestepError as error:
        return None, f"not launched: {error}"[:300]
    return run.run_id, ""


def _locked(name: str) -> Schedule:
    schedule = Schedule.objects.select_for_update().filter(name=name).first()
    if schedule is None:
        raise ScheduleNotFound(name)
    return schedule


def _next(schedule: Schedule, moment: datetime) -> datetime:
    return next_after(schedule.cron, ZoneInfo(schedule.timezone), moment)
