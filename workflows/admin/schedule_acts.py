"""What the actions on schedules ask for, and what a backfill would do."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User

from timestep.errors import TimestepError
from timestep.models import Schedule
from timestep.services.backfills import backfill, missing_ticks
from timestep.zones import zone_of
from workflows.services.local_times import read_range

_TIME = "%Y-%m-%d %H:%M:%S %Z"


class ActForm(forms.Form):
    """What an action asks for."""

    @property
    def range(self) -> str:
        """What was listed, where there is something to list."""
        return ""


class PauseForm(ActForm):
    """Why it is paused."""

    why = forms.CharField(max_length=300, help_text="Whoever looks for its runs will ask.")


class BackfillForm(ActForm):
    """From when to when, in the zone of each schedule."""

    start = forms.CharField(
        max_length=40,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}),
        help_text="In the schedule's own time zone; included.",
    )
    end = forms.CharField(
        max_length=40,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}),
        help_text="Included; not in the future.",
    )

    @property
    def range(self) -> str:
        """The range that is asked for."""
        return f"{self.cleaned_data['start']} {self.cleaned_data['end']}"


def would_run(names: list[str], form: BackfillForm) -> list[dict[str, Any]]:
    """For each schedule the ticks that a backfill would launch, or why it would not."""
    return [_would_run(Schedule.objects.get(name=name), form.cleaned_data) for name in names]


def _would_run(schedule: Schedule, typed: dict[str, str]) -> dict[str, Any]:
    zone = zone_of(schedule.timezone)
    try:
        missing = missing_ticks(schedule, *read_range(typed["start"], typed["end"], zone))
    except TimestepError as error:
        return {"name": schedule.name, "error": str(error)}
    return {"name": schedule.name, "times": [f"{at.astimezone(zone):{_TIME}}" for at in missing]}


def backfilled(name: str, form: BackfillForm, by: User) -> str:
    """Launch what a backfill would; the message that says how many. Raises TimestepError."""
    zone = zone_of(Schedule.objects.only("timezone").get(name=name).timezone)
    start, end = read_range(form.cleaned_data["start"], form.cleaned_data["end"], zone)
    runs = backfill(name, start, end, by=by, launched_from="admin")
    return f"Launched {len(runs)} of {name}."
