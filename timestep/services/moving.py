"""Moving runs that wait: in their queue, and from one queue to another."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from timestep.errors import InvalidInput, QueueNotFound, RunNotFound, WrongStatus
from timestep.models import DIRECT_QUEUE, Queue, Run, RunStatus, Segment, SegmentKind, SegmentState
from timestep.notify import notify_dispatch
from timestep.services import audit
from timestep.services.audit import Actor
from timestep.services.launch import checked_priority, checked_queue
from timestep.services.status import record_event

_QUEUED = "queued runs that wait in their queue"
# What has begun counts in the rate of the queue in which it began.
_NOT_BEGUN = "queued runs that have not begun"


@transaction.atomic
def set_priority(run_id: str, priority: int | None, *, by: Actor) -> Run:
    """Let a waiting run start, or go on, earlier or later than others of its queue.

    Args:
        run_id: The run.
        priority: Lower starts first, from 1; None: after all that have one.
        by: Who asks.

    Returns:
        The run as it is now.

    Raises:
        InvalidInput: The priority is none.
        RunNotFound: There is no such run.
        WrongStatus: The run does not wait in its queue, or no longer.
    """
    checked_priority(priority)
    run = _locked_waiting(run_id, "given another priority", SegmentKind.values, _QUEUED)
    if run.priority != priority:
        _change(run, "priority", priority, by)
    return run


@transaction.atomic
def move_to_queue(run_id: str, queue: str, *, by: Actor) -> Run:
    """Let a run that has not begun wait in another queue; its turn there is by priority and age.

    Args:
        run_id: The run.
        queue: The queue, which must exist.
        by: Who asks.

    Returns:
        The run as it is now.

    Raises:
        InvalidInput: The queue's name is none, or the queue is not one that runs wait in.
        QueueNotFound: There is no such queue.
        RunNotFound: There is no such run.
        WrongStatus: The run does not wait for its start, or no longer.
    """
    checked_queue(queue)
    if queue == DIRECT_QUEUE:
        raise InvalidInput("queue", f"{DIRECT_QUEUE!r} is for what programs run at once")
    _lock_queues(run_id, queue)
    run = _locked_waiting(run_id, "moved to another queue", [SegmentKind.START], _NOT_BEGUN)
    if run.queue != queue:
        _change(run, "queue", queue, by)
    return run


def _lock_queues(run_id: str, to: str) -> None:
    """Lock both queues before the run, as admission does: a place there is counted once.

    In the order of their names, which is the order in which admission locks them: not the
    database's, whose alphabet may be another.
    """
    held = Run.objects.filter(run_id=run_id).values_list("queue", flat=True).first()
    rows = Queue.objects.select_for_update()
    found = {name for name in sorted({to, held or to}) if rows.filter(name=name).first()}
    if to not in found:
        raise QueueNotFound(to)


def _locked_waiting(run_id: str, act: str, kinds: list[str], needed: str) -> Run:
    """The run, locked, if it waits in its queue in one of these ways."""
    run = Run.objects.select_for_update(no_key=True).filter(run_id=run_id).first()
    if run is None:
        raise RunNotFound(run_id)
    ready = {"state": SegmentState.READY, "kind__in": kinds}
    waits = Segment.objects.filter(run_id=run_id, **ready).exists()
    if run.status != RunStatus.QUEUED or not waits:
        begun = run.status == RunStatus.QUEUED
        status = "queued, and begun already," if begun else run.status
        raise WrongStatus(run_id, status, act, needed)
    return run


def _change(run: Run, field: str, value: Any, by: Actor) -> None:
    facts = {"from": getattr(run, field), "to": value}
    setattr(run, field, value)
    run.save(update_fields=[field])
    record_event(run.run_id, f"run.{field}", facts | {"by": by.name[:200]})
    audit.record(by, f"run.{field}", f"run:{run.run_id}", **facts)
    notify_dispatch()
