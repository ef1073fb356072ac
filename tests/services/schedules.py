"""Schedules that the tests of them start from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from timestep.models import Schedule
from timestep.services.audit import Actor
from timestep.services.schedule_checks import DEFAULTS
from timestep.services.schedules import ProgramSchedule, save_schedule

ANA = Actor("ana", "page")
BASE: dict[str, Any] = {"name": "nightly", "agent": "desk", "input": "hello", "cron": "0 3 * * *"}


def due_since(seconds: float, **fields: Any) -> Schedule:
    """A schedule whose next tick came this long ago."""
    schedule = save_schedule({**BASE, **fields})
    schedule.next_at = timezone.now() - timedelta(seconds=seconds)
    schedule.save()
    return schedule


def program(spec: dict[str, Any] | None = None, **fields: Any) -> ProgramSchedule:
    """A schedule as a program makes it."""
    own = {"name": "hourly", "agent": "Clock", "input": "hello", "cron": "0 * * * *"}
    return ProgramSchedule(
        fields={**DEFAULTS, **own, **fields}, spec=spec or {"agents": {}}, created_from="clock.py"
    )
