"""Schedules that do not fire."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet

from timestep.models import Schedule, Tick, TickOutcome
from timestep.services.clock_returns import is_ahead
from timestep.services.database_clock import database_now
from timestep.services.failures import THE_CLOCK
from workflows.doctor.findings import Findings, count, ok, problem, some, warning

LATE = timedelta(seconds=60)
LOOKED_AT = 200


def _ahead(active: QuerySet[Schedule]) -> list[str]:
    """Those that a clock has put off, with the time at which they would be due."""
    rows = list(active.filter(next_at__isnull=False).defer("input")[:LOOKED_AT])
    # Asked after the rows: what fires meanwhile must not look as if it were ahead.
    now = database_now()
    return [
        f"{one.name} ({one.next_at:%Y-%m-%d %H:%M:%S} UTC)" for one in rows if is_ahead(one, now)
    ]


def schedules() -> Findings:
    """Late ones, ones that never fire, and what failed within a day."""
    now = database_now()
    active = Schedule.objects.filter(paused=False).order_by("name")
    late = [one.name for one in active.filter(next_at__lt=now - LATE)[:LOOKED_AT]]
    # One with an end may be over.
    unending = active.filter(next_at__isnull=True, ends_at__isnull=True)
    never = [one.name for one in unending[:LOOKED_AT]]
    failed = Tick.objects.filter(outcome=TickOutcome.FAILED, fired_at__gte=now - timedelta(days=1))
    notes = [f"{tick.schedule_id} ({tick.note})" for tick in failed.order_by("-at")[:LOOKED_AT]]
    if late:
        mend = "workers fire them: see that one is alive, and what its log says"
        yield problem("schedules", f"late by more than a minute: {some(late)}", mend)
    if ahead := _ahead(active):
        mend = "a clock was ahead; a living worker of this release sets it right within seconds"
        yield problem("schedules", f"next due later than their lines say: {some(ahead)}", mend)
    if never:
        yield warning("schedules", f"have no next tick: {some(never)}", "look at their cron lines")
    stopped = Schedule.objects.filter(paused=True, paused_by=THE_CLOCK.name).order_by("name")
    whys = [f"{one.name} ({one.paused_why})" for one in stopped[:LOOKED_AT]]
    if whys:
        mend = "mend what their pages say, then resume them"
        yield warning("schedules", f"paused themselves: {some(whys)}", mend)
    if notes:
        mend = "mend what the note says, then trigger them by hand"
        yield warning("schedules", f"ticks that failed since yesterday: {some(notes)}", mend)
    if not (late or ahead or never or notes or whys):
        yield ok("schedules", f"{count(active.count(), 'active schedule')}, none late")
