"""Schedules: saving, pausing, resuming and deleting them. What fires them is `ticking`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.utils import timezone

from timestep.errors import InvalidInput, ScheduleNotFound
from timestep.models import Schedule
from timestep.services.cron import next_after
from timestep.services.schedule_checks import DEFAULTS, cleaned_fields
from timestep.services.specs import store_spec
from timestep.storable import storable_text

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

_TIMING = ("cron", "timezone", "paused")
# Who paused what a program made with `paused=True`: only then does the program's next start,
# without it, resume. What a person paused stays so.
PROGRAM = "the program"


@transaction.atomic
def save_schedule(
    fields: Mapping[str, Any], *, name: str | None = None, by: AbstractBaseUser | None = None
) -> Schedule:
    """Create or update a schedule that launches an agent definition.

    Args:
        fields: Field → value (those of `schedule_checks.DEFAULTS`). Those not given keep their
            value, or get their default at first.
        name: The schedule, where `fields` does not say it. A name never changes.
        by: Who saves it.

    Raises:
        ValidationError: Messages by the name of the field at fault; nothing was changed.
    """
    wanted = fields.get("name", name)
    current = Schedule.objects.select_for_update().filter(name=str(wanted)).first()
    kept = fields_of(current) if current is not None else {}
    cleaned = cleaned_fields({**kept, **fields, "name": wanted}, kept_name=name)
    schedule = current or Schedule(created_by_id=getattr(by, "pk", None))
    _settle(schedule, cleaned, is_new=current is None, by=_name_of(by))
    return schedule


@dataclass(frozen=True)
class ProgramSchedule:
    """A schedule as a program makes it: of an agent of its own. `fields` are checked already."""

    fields: Mapping[str, Any]
    spec: Mapping[str, Any]
    session_spec: Mapping[str, Any] | None = None
    created_from: str = "script"


def save_program_schedule(wanted: ProgramSchedule) -> Schedule:
    """Create a program's schedule, or update the one that it made under this name before.

    Raises:
        InvalidInput: The name belongs to a schedule that no program made.
    """
    try:
        return _saved(wanted)
    except IntegrityError:
        return _saved(wanted)  # Another start of the program was first, in this moment.


@transaction.atomic
def _saved(wanted: ProgramSchedule) -> Schedule:
    fields = dict(wanted.fields)
    current = Schedule.objects.select_for_update().filter(name=fields["name"]).first()
    if current is not None and current.spec_id is None:
        raise InvalidInput(
            "name",
            f"{current.name} is a schedule of the agent definition {current.agent}, made in the "
            "dashboard; choose another name, or delete that one",
        )
    schedule = current or Schedule(created_from=storable_text(wanted.created_from)[:200])
    if schedule.paused and schedule.paused_by != PROGRAM:
        fields["paused"] = True
    schedule.spec = store_spec(dict(wanted.spec))
    schedule.session_spec = wanted.session_spec
    _settle(schedule, fields, is_new=current is None, by=PROGRAM)
    return schedule


def _settle(schedule: Schedule, fields: Mapping[str, Any], *, is_new: bool, by: str) -> None:
    """Set the fields, and what follows from them, and save."""
    was = {name: getattr(schedule, name) for name in _TIMING}
    for field, value in fields.items():
        setattr(schedule, field, value)
    if schedule.paused and (is_new or not was["paused"]):
        _mark_paused(schedule, by, "")
    if not schedule.paused:
        _mark_resumed(schedule)
    if is_new or any(was[name] != getattr(schedule, name) for name in _TIMING):
        schedule.next_at = None if schedule.paused else due_after(schedule, timezone.now())
    schedule.save()


def fields_of(schedule: Schedule) -> dict[str, Any]:
    """The fields of a schedule as `save_schedule` takes them."""
    return {name: getattr(schedule, name) for name in DEFAULTS}


@transaction.atomic
def pause(name: str, *, by: str = "", why: str = "") -> Schedule:
    """Stop launching by the clock, at once and on every worker. Raises ScheduleNotFound."""
    schedule = locked(name)
    if not schedule.paused:
        _mark_paused(schedule, by, why)
        schedule.save()
    return schedule


@transaction.atomic
def resume(name: str) -> Schedule:
    """Launch by the clock again, from now on. Raises ScheduleNotFound."""
    schedule = locked(name)
    if schedule.paused:
        _mark_resumed(schedule)
        schedule.next_at = due_after(schedule, timezone.now())
        schedule.save()
    return schedule


def delete(name: str) -> None:
    """Delete a schedule and its ticks; its runs stay. Raises ScheduleNotFound."""
    deleted, _ = Schedule.objects.filter(name=name).delete()
    if not deleted:
        raise ScheduleNotFound(name)


def locked(name: str) -> Schedule:
    """The schedule, held for the caller's transaction. Raises ScheduleNotFound."""
    found = Schedule.objects.select_for_update(of=("self",)).filter(name=name)
    schedule = found.select_related("spec").defer("spec__body").first()
    if schedule is None:
        raise ScheduleNotFound(name)
    return schedule


def found(name: str) -> Schedule:
    """The schedule as it stands. Raises ScheduleNotFound."""
    schedule = Schedule.objects.filter(name=name).first()
    if schedule is None:
        raise ScheduleNotFound(name)
    return schedule


def due_after(schedule: Schedule, moment: datetime) -> datetime:
    """The first time after a moment at which the schedule is due, in UTC."""
    return next_after(schedule.cron, ZoneInfo(schedule.timezone), moment)


def _mark_paused(schedule: Schedule, by: str, why: str) -> None:
    schedule.paused, schedule.paused_at = True, timezone.now()
    schedule.paused_by, schedule.paused_why = storable_text(by)[:200], storable_text(why)[:300]
    schedule.next_at = None


def _mark_resumed(schedule: Schedule) -> None:
    schedule.paused, schedule.paused_at = False, None
    schedule.paused_by = schedule.paused_why = ""


def _name_of(user: AbstractBaseUser | None) -> str:
    return user.get_username() if user is not None else ""
