"""Queues: their limits, their pauses, and their end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from timestep.errors import InvalidInput, QueueInUse, QueueNotFound
from timestep.models import (
    ACTIVE_STATUSES,
    DEFAULT_QUEUE,
    DIRECT_QUEUE,
    Queue,
    Run,
    Schedule,
    first_limits,
)
from timestep.notify import notify_dispatch
from timestep.services import audit
from timestep.services.audit import Actor
from timestep.services.launch import checked_queue
from timestep.services.reasons import checked_reason

_MOST = 2**31 - 1
_MOST_SECONDS = 30 * 24 * 3600.0
_SOME = 1000


@transaction.atomic
def create(name: str, limits: Mapping[str, Any], *, by: Actor) -> Queue:
    """Make a queue before any run names it.

    Args:
        name: Letters, digits, dots, dashes and underscores.
        limits: As for `set_limits`; what is not given has its default.
        by: Who makes it.

    Returns:
        The new queue.

    Raises:
        InvalidInput: A value cannot be used, or there is a queue of this name.
    """
    checked_queue(name)
    checked = checked_limits(limits)
    queue, made = Queue.objects.get_or_create(name=name, defaults=first_limits(name) | checked)
    if not made:
        raise InvalidInput("name", f"there is a queue {name!r} already; change its limits instead")
    _record(by, "queue.create", queue, _as_facts(checked))
    return queue


@transaction.atomic
def set_limits(name: str, limits: Mapping[str, Any], *, by: Actor) -> Queue:
    """Set what is given of a queue's limits; in force at each worker's next look, at once.

    Args:
        name: The queue; made with the default limits if there is none.
        limits: `limit` (run starts per period), `period` (seconds), `concurrency` (runs at one
            time over all workers), `worker_concurrency` (on each); None for no limit.
        by: Who sets them.

    Returns:
        The queue as it is now.

    Raises:
        InvalidInput: A value cannot be used; `field` names it.
    """
    checked_queue(name)
    checked = checked_limits(limits)
    _, made = Queue.objects.get_or_create(name=name, defaults=first_limits(name) | checked)
    queue = Queue.objects.select_for_update().get(name=name)
    before = {column: getattr(queue, column) for column in checked}
    changed = {column: to for column, to in checked.items() if made or before[column] != to}
    if not changed and not made:
        return queue
    for column, value in changed.items():
        setattr(queue, column, value)
    queue.save()
    facts = _as_facts(changed)
    if not made:
        facts |= {f"{field}_before": was for field, was in _as_facts(before).items()}
    _record(by, "queue.create" if made else "queue.limits", queue, facts)
    return queue


@transaction.atomic
def pause(name: str, *, by: Actor, why: str) -> Queue:
    """Let nothing of a queue start, resume or go on until somebody unpauses it.

    What runs already goes on. A queue that is paused stays as it is, with its first reason.

    Args:
        name: The queue; made with the default limits if there is none.
        by: Who pauses it.
        why: The reason, which everybody sees who waits for it.

    Returns:
        The paused queue.

    Raises:
        InvalidInput: The name cannot be used, or the reason is empty or too long.
    """
    checked_queue(name)
    why = checked_reason("why", why)
    Queue.objects.get_or_create(name=name, defaults=first_limits(name))
    queue = Queue.objects.select_for_update().get(name=name)
    if queue.paused:
        return queue
    queue.paused_at, queue.paused_by, queue.paused_why = timezone.now(), by.name[:200], why
    queue.save()
    _record(by, "queue.pause", queue, {"why": why})
    return queue


@transaction.atomic
def unpause(name: str, *, by: Actor) -> Queue:
    """Let a paused queue go on; one that is not paused stays as it is.

    Args:
        name: The queue.
        by: Who lets it go on.

    Returns:
        The queue.

    Raises:
        QueueNotFound: There is no such queue.
    """
    queue = _locked(name)
    if not queue.paused:
        return queue
    facts = {"paused_by": queue.paused_by, "paused_why": queue.paused_why}
    queue.paused_at, queue.paused_by, queue.paused_why = None, "", ""
    queue.save()
    _record(by, "queue.unpause", queue, facts)
    return queue


@transaction.atomic
def delete(name: str, *, by: Actor) -> None:
    """Delete a queue that holds no work and that no schedule names.

    A run that is launched into it later makes it again, with the default limits.

    Args:
        name: The queue.
        by: Who deletes it.

    Raises:
        QueueNotFound: There is no such queue.
        QueueInUse: Something needs it; the message says what, and what to do instead.
    """
    queue = _locked(name)
    _refuse_in_use(name)
    queue.delete()
    audit.record(by, "queue.delete", f"queue:{name}")
    notify_dispatch()


def _refuse_in_use(name: str) -> None:
    if name == DIRECT_QUEUE:
        raise QueueInUse(name, "programs run in it what they run at once", "pause it instead")
    if name == DEFAULT_QUEUE:
        raise QueueInUse(name, "it holds what names no other queue", "pause it instead")
    active = Run.objects.filter(queue=name, status__in=ACTIVE_STATUSES).order_by()
    if count := len(active.values_list("run_id")[: _SOME + 1]):
        some = f"more than {_SOME}" if count > _SOME else str(count)
        runs = "1 run in it has" if count == 1 else f"{some} runs in it have"
        mend = "pause it and move or cancel them, or wait until they end"
        raise QueueInUse(name, f"{runs} not ended", mend)
    schedule = Schedule.objects.filter(queue=name).order_by("name").first()
    if schedule is not None:
        raise QueueInUse(
            name,
            f"schedule {schedule.name} launches into it",
            "give the schedule another queue first",
        )


def _locked(name: str) -> Queue:
    """The queue's row, locked; made where only runs name it so far."""
    rows = Queue.objects.select_for_update()
    queue = rows.filter(name=name).first()
    if queue is not None:
        return queue
    if not Run.objects.filter(queue=name).exists():
        raise QueueNotFound(name)
    Queue.objects.get_or_create(name=name, defaults=first_limits(name))
    return rows.get(name=name)


def _record(by: Actor, act: str, queue: Queue, facts: dict[str, Any]) -> None:
    audit.record(by, act, f"queue:{queue.name}", **facts)
    notify_dispatch()


def checked_limits(limits: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that these limits set.

    Raises:
        InvalidInput: A value cannot be used; `field` names it.
    """
    for field in limits.keys() - _COLUMNS.keys():
        raise InvalidInput(field, f"use one of {', '.join(_COLUMNS)}")
    return {
        column: check(field, limits[field])
        for field, (column, check) in _COLUMNS.items()
        if field in limits
    }


def _as_facts(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as the audit trail can keep them: it holds no fractions as numbers."""
    named = {column: field for field, (column, _) in _COLUMNS.items()}
    return {
        named[column]: f"{value:g}" if isinstance(value, float) else value
        for column, value in columns.items()
    }


def _whole(field: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        raise InvalidInput(field, "use a whole number from 0, or None for no limit")
    return value


def _seconds(field: str, value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not 0 < value <= _MOST_SECONDS:
        raise InvalidInput(field, f"use a number of seconds above 0, at most {_MOST_SECONDS:g}")
    return float(value)


_COLUMNS: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
    "limit": ("limit", _whole),
    "period": ("period_seconds", _seconds),
    "concurrency": ("concurrency", _whole),
    "worker_concurrency": ("worker_concurrency", _whole),
}
