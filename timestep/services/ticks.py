"""What one tick does: the overlap rule, and the run that it launches; and running now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from timestep.definitions import Launchable, definitions
from timestep.errors import WrongStatus
from timestep.models import (
    ACTIVE_STATUSES,
    WAITING_RULES,
    Overlap,
    Run,
    RunStatus,
    Schedule,
    Tick,
    TickOutcome,
)
from timestep.services.audit import Actor, record
from timestep.services.cancel import cancel
from timestep.services.launch import checked_run, insert_run
from timestep.services.placeholders import TickFacts, filled
from timestep.services.schedules import locked, subject_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

_PROGRAM_TURNS = 20

Resolve = Callable[[str, int | None], Launchable]


def settle(tick: Tick, resolve: Resolve) -> Run | None:
    """Do what the overlap rule says, and note it on the tick, which the caller saves.

    Args:
        tick: A tick that is due, of a schedule that the caller's transaction holds.
        resolve: What a definition gives to a launch.

    Returns:
        The run to insert; None where the tick is skipped.
    """
    schedule = tick.schedule
    if schedule.overlap == Overlap.SKIP and (blocker := _active(schedule).first()):
        status = blocker.get_status_display().lower()
        tick.outcome = TickOutcome.SKIPPED
        tick.note = f"skipped: run {blocker.run_id} has not ended ({status})"
        return None
    more = {"scheduled_at": tick.at, "launched_from": "schedule"}
    run = run_of(schedule, resolve, tick.at, **more)
    if schedule.overlap == Overlap.CANCEL_RUNNING:
        with transaction.atomic():
            tick.note = _cancelled(schedule)
    tick.run_id, tick.outcome = run.run_id, TickOutcome.LAUNCHED
    return run


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
    if run_id and (earlier := Run.objects.filter(run_id=run_id, schedule=name).first()):
        return earlier
    now = timezone.now()
    if schedule.overlap == Overlap.CANCEL_RUNNING:
        _cancelled(schedule)
    actor = actor_of(by, launched_from)
    more = {"launched_by": by, "launched_from": launched_from}
    run = insert_run(run_of(schedule, definitions().resolve, now, run_id=run_id, **more))
    note = f"run now by {actor.name}"
    Tick.objects.create(schedule=schedule, at=now, fired_at=now, run_id=run.run_id, note=note)
    record(actor, "schedule.run", subject_of(name), run_id=run.run_id)
    return run


def held_by(run: Run) -> Run | None:
    """The run of the same schedule whose end a queued run waits for; see the engine's admission."""
    if run.schedule is None or run.status != RunStatus.QUEUED or run.started_at is not None:
        return None
    rule = Schedule.objects.filter(name=run.schedule, overlap__in=WAITING_RULES)
    if not rule.exists():
        return None
    earlier = Q(created_at__lt=run.created_at) | Q(created_at=run.created_at, run_id__lt=run.run_id)
    begun = ~Q(status=RunStatus.QUEUED) | Q(started_at__isnull=False)
    same = Run.objects.filter(schedule=run.schedule, status__in=ACTIVE_STATUSES)
    others = same.exclude(run_id=run.run_id).filter(begun | earlier)
    return others.order_by("created_at", "run_id").first()


def actor_of(by: AbstractBaseUser | None, launched_from: str) -> Actor:
    """Who launches: the person, or else the place."""
    name = by.get_username() if by is not None else launched_from
    if launched_from.startswith("cli:"):
        return Actor(name.removeprefix("cli:"), "command line")
    via = launched_from if launched_from in ("page", "admin") else "program"
    return Actor(name or "nobody", via)


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


def run_of(schedule: Schedule, resolve: Resolve, at: datetime, **more: Any) -> Run:
    """A run as the schedule says, checked and not yet inserted.

    Args:
        schedule: Whose run.
        resolve: What a definition, and a version or None, gives to a launch.
        at: The time that the placeholders of the input stand for.
        more: What else a launch takes.

    Raises:
        TimestepError: Its agent cannot be launched.
    """
    given, timeout = _launchable(schedule, resolve), schedule.timeout_seconds
    return checked_run(
        spec=given.spec,
        input=filled(schedule.input, facts_of(schedule, at)),
        agent=given.agent,
        agent_version=given.agent_version,
        session_id=schedule.session_id,
        session_spec=schedule.session_spec,
        queue=schedule.queue or given.queue,
        priority=schedule.priority,
        timeout_seconds=given.timeout_seconds if timeout is None else timeout,
        max_turns=given.max_turns,
        schedule=schedule.name,
        **more,
    )


def facts_of(schedule: Schedule, at: datetime) -> TickFacts:
    """What the placeholders of a schedule's input stand for at a time."""
    return TickFacts(schedule.name, schedule.agent, schedule.cron, schedule.timezone, at)


def _launchable(schedule: Schedule, resolve: Resolve) -> Launchable:
    if schedule.spec is None:
        return resolve(schedule.agent, schedule.agent_version)
    return Launchable(schedule.spec, schedule.agent, None, "default", None, _PROGRAM_TURNS)
