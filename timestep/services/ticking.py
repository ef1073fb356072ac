"""The clock of schedules: every worker calls `fire_due`, and each tick happens once.

A tick, the run that it launches and the time of the next one are one transaction, on the locked
row of the schedule. One that is up to a minute late is launched all the same. Of those that nobody
was there for (`LATEST` and more), the latest is launched; with `catch_up` each, in order.
"""

from __future__ import annotations

import functools
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterError
from django.db import InterfaceError, OperationalError, transaction

from timestep.definitions import Launchable, definitions
from timestep.errors import TimestepError
from timestep.models import Overlap, Run, Schedule, Tick, TickOutcome
from timestep.services.clock_returns import set_right
from timestep.services.cron import last_until, next_after
from timestep.services.database_clock import database_now
from timestep.services.failures import THE_CLOCK, pause_failing_before
from timestep.services.launch import insert_runs
from timestep.services.schedules import mark_paused, record_paused
from timestep.services.ticks import settle
from timestep.storable import storable_text

logger = logging.getLogger(__name__)

LATEST = timedelta(seconds=60)
# So many in one transaction: several workers share a full minute, and its commits are few. On
# SQLite each further transaction waits for the writes of the runs that the first has launched.
_BATCH = 200

Times = Callable[[str, str, datetime, datetime, datetime | None], tuple[datetime, datetime | None]]


def fire_due(now: datetime | None = None) -> float | None:
    """Launch schedules that are due; any number of workers may do so at the same time.

    Args:
        now: Default: the time by the database's clock, whatever this host's says.

    Returns:
        Seconds until the next tick (0 if more may be due), or None when no schedule is active.
    """
    moment = now or database_now()
    set_right(moment)
    waiting = Schedule.objects.filter(paused=False, next_at__isnull=False)
    # Looked at outside first: on SQLite a transaction takes the file's only write lock.
    soonest = waiting.order_by("next_at").values_list("next_at", flat=True).first()
    if soonest is None:
        return None
    if soonest > moment:
        return (soonest - moment).total_seconds()
    pause_failing_before(moment)
    _fire(moment)
    return 0.0


@transaction.atomic
def _fire(now: datetime) -> None:
    """Ticks, their runs and the times of the next ones: all of it or nothing."""
    schedules = _held(now)
    # Schedules that are due together mostly have the same line.
    times = functools.cache(_times)
    ticks = [tick for schedule in schedules for tick in _ticks_of(schedule, now, times)]
    # Backfilled already, perhaps.
    known = Tick.objects.filter(schedule__in=schedules, at__in={tick.at for tick in ticks})
    taken = set(known.values_list("schedule_id", "at"))
    new = [tick for tick in ticks if (tick.schedule_id, tick.at) not in taken]
    _launch([tick for tick in new if tick.outcome == TickOutcome.LAUNCHED])
    fired_at = database_now()
    for tick in new:
        tick.fired_at = fired_at
    Tick.objects.bulk_create(new)
    _move_on(schedules)
    for schedule in schedules:
        if schedule.paused:
            record_paused(schedule, THE_CLOCK)


def _move_on(schedules: list[Schedule]) -> None:
    """Save when they were and will be due: one statement for all that share both times."""
    together: dict[tuple[datetime | None, datetime | None], list[str]] = defaultdict(list)
    for schedule in schedules:
        together[schedule.last_at, schedule.next_at].append(schedule.name)
    for (last_at, next_at), names in together.items():
        Schedule.objects.filter(name__in=names).update(last_at=last_at, next_at=next_at)


def _held(now: datetime) -> list[Schedule]:
    """Schedules that are due, locked. What others hold is skipped: it is being fired or changed."""
    due = Schedule.objects.filter(paused=False, next_at__lte=now).order_by("next_at")
    held = due.select_for_update(skip_locked=True, of=("self",))
    found = list(held.select_related("spec").defer("spec__body")[:_BATCH])
    # In one order everywhere, because two workers may store the same specs; and what cancels runs,
    # and so locks them, by itself: several such locks in one transaction could wait in a circle.
    found.sort(key=lambda schedule: (schedule.agent, schedule.name))
    calm = [schedule for schedule in found if schedule.overlap != Overlap.CANCEL_RUNNING]
    return calm or found[:1]


def _ticks_of(schedule: Schedule, now: datetime, times: Times) -> list[Tick]:
    """What is due of a schedule, whose next time is set: the tick to fire, and what was missed."""
    due = schedule.next_at or now
    try:
        late = now - due > LATEST and not schedule.catch_up
        until = min(now, schedule.ends_at or now) if late else due
        at, after = times(schedule.cron, schedule.timezone, due, until, schedule.ends_at)
        schedule.last_at, schedule.next_at = at, after
    except (ZoneInfoNotFoundError, CroniterError) as error:
        # Saved under other time zone data or another croniter: one such schedule stops itself,
        # not the clock of all the others.
        why = f"its times cannot be worked out: {error}"
        mark_paused(schedule, THE_CLOCK.name, why)
        schedule.save()
        note = storable_text(f"paused: {why}")[:300]
        return [Tick(schedule=schedule, at=due, outcome=TickOutcome.FAILED, note=note)]
    fired = Tick(schedule=schedule, at=at)
    if at == due:
        return [fired]
    note = f"missed, as all before {at:%Y-%m-%d %H:%M:%S} UTC: no worker was alive"
    return [Tick(schedule=schedule, at=due, outcome=TickOutcome.MISSED, note=note), fired]


def _times(
    cron: str, zone_name: str, due: datetime, until: datetime, ends_at: datetime | None
) -> tuple[datetime, datetime | None]:
    """The tick to fire: the last from `due` up to `until`; and the next one, before the end."""
    zone = ZoneInfo(zone_name)
    at = last_until(cron, zone, due, until)
    after = next_after(cron, zone, at)
    return at, after if ends_at is None or after <= ends_at else None


def _resolve(slug: str, version: int | None) -> Launchable:
    # In a savepoint of its own: whatever goes wrong in it, the transaction must go on.
    with transaction.atomic():
        return definitions().resolve(slug, version)


def _launch(ticks: list[Tick]) -> None:
    """Launch what the ticks are for; where that fails a tick says why, and its schedule goes on."""
    resolve = functools.cache(_resolve)
    runs: list[tuple[Tick, Run]] = []
    for tick in ticks:
        with _failing(tick):
            run = settle(tick, resolve)
            runs += [] if run is None else [(tick, run)]
    if runs:
        _insert(runs)


def _insert(runs: list[tuple[Tick, Run]]) -> None:
    """Insert all in few statements; where that fails, each by itself."""
    try:
        insert_runs([run for _, run in runs])
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # noqa: BLE001 - the one that is at fault is found, and its error kept, here:
        for tick, run in runs:
            with _failing(tick):
                insert_runs([run])


@contextmanager
def _failing(tick: Tick) -> Iterator[None]:
    """Note on the tick what goes wrong, unless the database is away: that says nothing of it."""
    try:
        yield
        return
    except (OperationalError, InterfaceError):
        raise
    except TimestepError as error:
        why = str(error)
    except Exception as error:  # one broken row must not stop the clock of all the others
        logger.exception("schedule %s", tick.schedule_id)
        why = f"{type(error).__name__}: {error}"
    tick.run_id, tick.outcome = None, TickOutcome.FAILED
    tick.note = storable_text(f"not launched: {why}")[:300]
