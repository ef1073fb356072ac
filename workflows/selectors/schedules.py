"""Schedules as pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from approvals.access import EVERYTHING, Sight
from timestep.errors import ScheduleNotFound
from timestep.models import Run, Schedule, Tick, TickOutcome
from timestep.services.cron_words import in_words
from timestep.services.failures import THE_CLOCK, failures_of
from timestep.services.placeholders import filled, has_placeholders
from timestep.services.schedule_checks import is_name
from timestep.services.ticks import facts_of
from timestep.services.upcoming import Upcoming, changes_ahead, upcoming
from workflows.selectors.cursors import Keyset, Page, Rows
from workflows.selectors.runs import RunFilters, RunRow, runs_page

LISTED = 100
TICKS_SHOWN = 25
RECENT_RUNS = 20
NEXT_TIMES = 10
STOPPED_SHOWN = 5
STATES = ("active", "paused", "ended")
_TICKS = Keyset("at", "id")


@dataclass(frozen=True)
class TickRow:
    """A tick: when it was due and fired, and what came of it."""

    at: datetime
    local: str
    outcome: str
    label: str
    late_ms: float
    note: str
    run_id: str | None
    run_status: str


@dataclass(frozen=True)
class ScheduleRow:
    """A schedule in the list, and its last tick."""

    schedule: Schedule
    state: str
    words: str
    last: TickRow | None


@dataclass(frozen=True)
class Times:
    """What a cron line means: in words, its next times, and what clock changes do to it."""

    words: str
    next: list[Upcoming]
    changes: list[str]
    zone: str
    over: bool = False


@dataclass(frozen=True)
class SchedulePage:
    """All that a schedule's page shows."""

    schedule: Schedule
    state: str
    times: Times | None
    recent_runs: list[RunRow]
    failures: int
    next_input: Any


def state_of(schedule: Schedule) -> str:
    """`active`, `paused`, or `ended`: its end has passed."""
    if schedule.paused:
        return "paused"
    return "active" if schedule.next_at is not None else "ended"


def schedules_list(
    sight: Sight = EVERYTHING, *, q: str = "", state: str = "", after: str = ""
) -> tuple[list[ScheduleRow], str]:
    """Schedules of agents that are seen, by name, and the name after which there are more."""
    rows = Schedule.objects.filter(sight.agents_in("agent"), name__gt=after).filter(_in(state))
    if q:
        rows = rows.filter(Q(name__icontains=q) | Q(agent__icontains=q))
    latest = Tick.objects.filter(schedule=OuterRef("pk")).order_by("-at").values("pk")[:1]
    shown = rows.order_by("name").defer("input").annotate(last_tick=Subquery(latest))
    found: list[Any] = list(shown[: LISTED + 1])
    ticks = Tick.objects.in_bulk([row.last_tick for row in found if row.last_tick])
    zones = {row.last_tick: row.timezone for row in found}
    lines = _tick_rows((tick, zones[pk]) for pk, tick in ticks.items())
    last = dict(zip(ticks, lines, strict=True))
    listed = [
        ScheduleRow(row, state_of(row), in_words(row.cron), last.get(row.last_tick))
        for row in found[:LISTED]
    ]
    return listed, found[LISTED - 1].name if len(found) > LISTED else ""


def _in(state: str) -> Q:
    if state == "paused":
        return Q(paused=True)
    if state in ("active", "ended"):
        return Q(paused=False, next_at__isnull=state == "ended")
    return Q()


def _tick_rows(ticks: Iterable[tuple[Tick, str]]) -> list[TickRow]:
    """The rows of ticks, each with the zone of its schedule."""
    given = list(ticks)
    runs = [tick.run_id for tick, _ in given if tick.run_id]
    statuses = dict(Run.objects.filter(run_id__in=runs).values_list("run_id", "status"))
    return [_tick_row(tick, zone, statuses.get(tick.run_id or "", "")) for tick, zone in given]


def _tick_row(tick: Tick, zone: str, run_status: str) -> TickRow:
    return TickRow(
        at=tick.at,
        local=local_text(tick.at, zone),
        outcome=tick.outcome,
        label=TickOutcome(tick.outcome).label,
        late_ms=max(0.0, tick.lateness.total_seconds() * 1000),
        note=tick.note,
        run_id=tick.run_id,
        run_status=run_status,
    )


def local_text(at: datetime, zone: str) -> str:
    """A time in a zone, with the zone's letters: of two 02:30 of one night they tell which."""
    try:
        local = at.astimezone(ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        local = at.astimezone(UTC)
    return f"{local:%Y-%m-%d %H:%M:%S %Z}"


def get_schedule(name: str, sight: Sight = EVERYTHING) -> Schedule:
    """The schedule. Raises ScheduleNotFound, also where its agent is not seen."""
    rows = Schedule.objects.filter(sight.agents_in("agent"), name=name)
    found = rows.select_related("created_by").first()
    if found is None:
        raise ScheduleNotFound(name)
    return found


def is_taken(name: str) -> bool:
    """Whether there is a schedule of this name, whoever sees it."""
    return is_name(name) and Schedule.objects.filter(name=name).exists()


def schedule_page(schedule: Schedule) -> SchedulePage:
    """What the page of a schedule shows."""
    soonest = schedule.next_at or timezone.now()
    tells = has_placeholders(schedule.input)
    return SchedulePage(
        schedule=schedule,
        state=state_of(schedule),
        times=times_of_schedule(schedule),
        recent_runs=runs_page(RunFilters(schedule=schedule.name), limit=RECENT_RUNS).rows,
        failures=len(failures_of(schedule)) if schedule.pause_after_failures else 0,
        next_input=filled(schedule.input, facts_of(schedule, soonest)) if tells else None,
    )


def times_of_schedule(schedule: Schedule) -> Times | None:
    """The times of a schedule, paused or not; None where they cannot be worked out any more."""
    try:
        return times_of(
            schedule.cron,
            ZoneInfo(schedule.timezone),
            starts_at=schedule.starts_at,
            ends_at=schedule.ends_at,
        )
    except (KeyError, ValueError, OSError):
        return None


def times_of(
    cron: str, zone: ZoneInfo, *, starts_at: datetime | None, ends_at: datetime | None
) -> Times:
    """What a line means from now on, between a start and an end."""
    after = timezone.now()
    if starts_at is not None and starts_at > after:
        after = starts_at - timedelta(seconds=1)
    found = upcoming(cron, zone, after, until=ends_at, count=NEXT_TIMES)
    ahead = changes_ahead(cron, zone, found[-1].at) if found else []
    return Times(in_words(cron), found, ahead, zone.key, over=not found)


def ticks_page(schedule: Schedule, *, after: str = "", before: str = "") -> Page[TickRow]:
    """One page of the ticks, newest first. Raises InvalidInput for a cursor that is none."""
    rows = cast("Rows", Tick.objects.filter(schedule=schedule).values())
    page = _TICKS.page(rows, after=after, before=before, limit=TICKS_SHOWN)
    ticks = _tick_rows((Tick(**row), schedule.timezone) for row in page.rows)
    return Page(ticks, page.next_cursor, page.prev_cursor)


def stopped_by_failures(sight: Sight = EVERYTHING) -> list[Schedule]:
    """The schedules that paused themselves, the latest first."""
    rows = Schedule.objects.filter(
        sight.agents_in("agent"), paused=True, paused_by=THE_CLOCK.name
    ).order_by("-paused_at")
    return list(rows.only("name", "agent", "paused_at", "paused_why")[:STOPPED_SHOWN])
