"""Schedules: saving, pausing, resuming and deleting them. What fires them is `ticking`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from timestep.digests import canonical_json
from timestep.errors import InvalidInput, ScheduleNotFound
from timestep.models import Schedule
from timestep.services.audit import Actor, record
from timestep.services.cron import next_after
from timestep.services.database_clock import database_now
from timestep.services.schedule_checks import DEFAULTS, cleaned_fields, is_name
from timestep.services.specs import store_spec
from timestep.storable import storable_text

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

_TIMING = ("cron", "timezone", "starts_at", "ends_at", "paused")
_SECOND = timedelta(seconds=1)
# Of one value, in the audit trail: an input may be as long as a book.
_RECORDED = 2000
# Who paused what a program made with `paused=True`: only then does the program's next start,
# without it, resume. What a person paused stays so.
PROGRAM = "the program"


@transaction.atomic
def save_schedule(
    fields: Mapping[str, Any],
    *,
    name: str | None = None,
    by: AbstractBaseUser | None = None,
    via: str = "program",
) -> Schedule:
    """Create or update a schedule that launches an agent definition.

    Args:
        fields: Field → value (those of `schedule_checks.DEFAULTS`). Those not given keep their
            value, or get their default at first.
        name: The schedule, where `fields` does not say it. A name never changes.
        by: Who saves it.
        via: From where; see `timestep.services.audit.Actor`.

    Raises:
        ValidationError: Messages by the name of the field at fault; nothing was changed.
    """
    wanted = fields.get("name", name)
    rows = Schedule.objects.select_for_update().filter(name=wanted)
    current = rows.first() if is_name(wanted) else None
    kept = fields_of(current) if current is not None else {}
    cleaned = cleaned_fields({**kept, **fields, "name": wanted}, kept_name=name)
    ends = cleaned["ends_at"]
    if ends is not None and ends != kept.get("ends_at") and ends <= timezone.now():
        raise ValidationError({"ends_at": ["lies in the past; pause it to stop it now"]})
    schedule = current or Schedule(created_by_id=getattr(by, "pk", None))
    _settle(schedule, cleaned, is_new=current is None, by=_name_of(by))
    _record_saved(schedule, kept, Actor(_name_of(by) or via, via))
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
    kept = {**fields_of(current), "spec": current.spec_id} if current is not None else {}
    schedule = current or Schedule(created_from=storable_text(wanted.created_from)[:200])
    if schedule.paused and schedule.paused_by != PROGRAM:
        fields["paused"] = True
    schedule.spec = store_spec(dict(wanted.spec))
    schedule.session_spec = wanted.session_spec
    _settle(schedule, fields, is_new=current is None, by=PROGRAM)
    _record_saved(schedule, kept, Actor(schedule.created_from, "program"))
    return schedule


def _settle(schedule: Schedule, fields: Mapping[str, Any], *, is_new: bool, by: str) -> None:
    """Set the fields, and what follows from them, and save."""
    was = {name: getattr(schedule, name) for name in _TIMING}
    for field, value in fields.items():
        setattr(schedule, field, value)
    if schedule.paused and (is_new or not was["paused"]):
        mark_paused(schedule, by, "")
    if was["paused"] and not schedule.paused:
        _mark_resumed(schedule)
    if is_new or any(was[name] != getattr(schedule, name) for name in _TIMING):
        schedule.next_at = None if schedule.paused else due_after(schedule, database_now())
    schedule.save()


def fields_of(schedule: Schedule) -> dict[str, Any]:
    """The fields of a schedule as `save_schedule` takes them."""
    return {name: getattr(schedule, name) for name in DEFAULTS}


def _record_saved(schedule: Schedule, kept: Mapping[str, Any], by: Actor) -> None:
    """Record what a save has changed, if it has changed anything."""
    now: dict[str, Any] = {**fields_of(schedule), "spec": schedule.spec_id}
    before = {**DEFAULTS, "spec": None, **kept}
    changed = {field: _recorded(now[field]) for field in now if now[field] != before[field]}
    if changed:
        act = "schedule.changed" if kept else "schedule.created"
        record(by, act, subject_of(schedule.name), **changed)


def _recorded(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value[:_RECORDED] if isinstance(value, str) else value
    if isinstance(value, datetime):
        return value.isoformat()
    return canonical_json(value)[:_RECORDED]


def subject_of(name: str) -> str:
    """What the audit trail calls a schedule."""
    return f"schedule:{name}"


@transaction.atomic
def pause(name: str, *, by: Actor, why: str = "") -> Schedule:
    """Stop launching by the clock, at once and on every worker. Raises ScheduleNotFound."""
    schedule = locked(name)
    if not schedule.paused:
        mark_paused(schedule, by.name, why)
        schedule.save()
        record_paused(schedule, by)
    return schedule


def record_paused(schedule: Schedule, by: Actor) -> None:
    """Record a pause in the transaction that saved it; the audit trail is locked last."""
    record(by, "schedule.paused", subject_of(schedule.name), why=schedule.paused_why)


@transaction.atomic
def resume(name: str, *, by: Actor) -> Schedule:
    """Launch by the clock again, from now on. Raises ScheduleNotFound."""
    schedule = locked(name)
    if schedule.paused:
        _mark_resumed(schedule)
        schedule.next_at = due_after(schedule, database_now())
        schedule.save()
        record(by, "schedule.resumed", subject_of(name))
    return schedule


@transaction.atomic
def delete(name: str, *, by: Actor) -> None:
    """Delete a schedule and its ticks; its runs stay. Raises ScheduleNotFound."""
    locked(name).delete()
    record(by, "schedule.deleted", subject_of(name))


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


def due_after(schedule: Schedule, moment: datetime) -> datetime | None:
    """The first time after a moment at which the schedule is due, in UTC; None after its end."""
    if schedule.starts_at is not None:
        moment = max(moment, schedule.starts_at - _SECOND)
    at = next_after(schedule.cron, ZoneInfo(schedule.timezone), moment)
    return None if schedule.ends_at is not None and at > schedule.ends_at else at


def mark_paused(schedule: Schedule, by: str, why: str) -> None:
    """Set what says that a schedule is paused; the caller saves it."""
    schedule.paused, schedule.paused_at = True, timezone.now()
    schedule.paused_by, schedule.paused_why = storable_text(by)[:200], storable_text(why)[:300]
    schedule.next_at = None


def _mark_resumed(schedule: Schedule) -> None:
    schedule.paused, schedule.paused_at = False, None
    schedule.paused_by = schedule.paused_why = ""
    schedule.counted_from = timezone.now()


def _name_of(user: AbstractBaseUser | None) -> str:
    return user.get_username() if user is not None else ""
