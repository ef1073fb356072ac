"""Claiming a run for an execution, and ending it: each one transaction, guarded by the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dbos import DBOS
from django.db import transaction

from timestep.engine import tool_starts
from timestep.engine_version import ENGINE_VERSION
from timestep.gate import Interruption, approval_gate
from timestep.ids import segment_id
from timestep.models import (
    Run,
    RunStatus,
    Segment,
    SegmentKind,
    SegmentState,
    ToolStart,
    Worker,
)
from timestep.notify import notify_dispatch
from timestep.services.cancel import cancel
from timestep.services.database_clock import database_now
from timestep.services.ending import tell_end
from timestep.services.states import keep_result, save_interrupted
from timestep.services.status import record_events
from timestep.services.totals import totals
from timestep.storable import storable


@dataclass(frozen=True)
class Claim:
    """A run that this execution owns now, and what it needs to go on."""

    run: Run
    segment: Segment
    epoch: int
    unknown: list[ToolStart]
    remaining_seconds: float | None


@dataclass(frozen=True)
class Refusal:
    """Why an execution must not go on: the status of the run, and whether its workflow waits."""

    status: str
    parked: bool
    owned_elsewhere: bool


def claim(run_id: str, n: int, worker_id: str, executes: bool) -> Claim | Refusal:
    """Take a run whose segment DBOS has started here, if nobody else has it.

    Args:
        run_id: The run.
        n: The segment's number.
        worker_id: This worker.
        executes: Whether this worker executes the run already. If not, a claim in its name is
            one whose answer was lost, and is made again.
    """
    workflow = segment_id(run_id, n)
    tools_started = ToolStart.objects.filter(segment=workflow).exists()
    # Asked before our transaction: on SQLite DBOS could not get past our own lock.
    steps = _recorded_steps(workflow) if tools_started else set()
    with transaction.atomic():
        run = (
            Run.objects.select_for_update(of=("self",), no_key=True)
            .select_related("spec")
            .get(run_id=run_id)
        )
        segment = Segment.objects.get(segment_id=workflow)
        if run.owner == worker_id and not executes:
            run.owner = None
        if not _lives(worker_id):
            return Refusal(run.status, parked=False, owned_elsewhere=True)
        if not _claimable(run, segment):
            parked = run.status in (RunStatus.FAILED, RunStatus.TIMED_OUT)
            parked = parked or segment.state == SegmentState.PARKED
            return Refusal(run.status, parked, run.owner is not None)
        _take(run, segment, worker_id)
        unknown = tool_starts.without_outcome(run_id, n, steps) if tools_started else []
    remaining = None
    if run.timeout_seconds is not None:
        remaining = run.timeout_seconds - run.executing_ms / 1000
    return Claim(run, segment, run.epoch, unknown, remaining)


def _recorded_steps(workflow: str) -> set[int]:
    return {step["function_id"] for step in DBOS.list_workflow_steps(workflow)}


def _lives(worker_id: str) -> bool:
    """Whether this worker still has its lease, as far as is known at this moment.

    Without a lock, which the heartbeat would wait for: what was claimed while a sweep began is
    given back by the next ones (`heartbeat.sweep_late`).
    """
    return not Worker.objects.filter(worker_id=worker_id, swept_by__isnull=False).exists()


def holds(run_id: str, epoch: int) -> bool:
    """Whether the run is still executed under this epoch."""
    held = Run.objects.filter(run_id=run_id, epoch=epoch, status=RunStatus.RUNNING)
    return held.exists()


def _claimable(run: Run, segment: Segment) -> bool:
    return (
        run.owner is None
        and run.status in (RunStatus.QUEUED, RunStatus.RUNNING)
        and segment.state in (SegmentState.READY, SegmentState.DISPATCHED, SegmentState.RUNNING)
    )


_TAKEN = ["owner", "epoch", "status", "started_at", "executing_since", "engine_version"]


def _take(run: Run, segment: Segment, worker_id: str) -> None:
    now = database_now()
    run.owner, run.epoch = worker_id, run.epoch + 1
    run.status = RunStatus.RUNNING
    run.started_at = run.started_at or now
    run.executing_since = now
    moved = [("run.moved", {"from": run.engine_version, "to": ENGINE_VERSION})]
    if run.engine_version == ENGINE_VERSION:
        moved = []
    # From its first step in this engine on, only engines that replay this one can go on with it.
    run.engine_version = ENGINE_VERSION
    run.save(update_fields=_TAKEN)
    segment.state, segment.worker = SegmentState.RUNNING, worker_id
    segment.started_at = segment.started_at or now
    segment.save(update_fields=["state", "worker", "started_at"])
    started = {"n": segment.n, "kind": segment.kind, "worker": worker_id, "epoch": run.epoch}
    running = {"status": RunStatus.RUNNING}
    record_events(run.run_id, *moved, ("segment.started", started), ("status", running))


@dataclass(frozen=True)
class Ending:
    """How an execution ended: the status, what goes with it, and whether it can be continued.

    `state` is the SDK's state at the end, kept for the programs that ask for the result;
    `failed_answer` is the answer of the model that ended it, kept for a retry.
    """

    status: RunStatus
    parked: bool
    fields: dict[str, Any]
    state: dict[str, Any] | None = None
    failed_answer: dict[str, Any] | None = None


@transaction.atomic
def end(run_id: str, n: int, epoch: int, ending: Ending) -> Run | None:
    """Write the end of a run, if this epoch still has it.

    Returns:
        The run as it ended; None when another worker has taken it over: nothing was written then.
    """
    run = _held(run_id, epoch)
    if run is None:
        return _released_before(run_id, epoch)
    now = database_now()
    # An output type's value is parsed from text that was storable, and may not be so itself.
    fields = {name: storable(value) for name, value in ending.fields.items()}
    _release(run, n, ending.status, ending.parked, now, finished_at=now, **fields)
    if ending.failed_answer is not None:
        Segment.objects.filter(run=run, n=n).update(failed_answer=ending.failed_answer)
    if ending.state is not None:
        keep_result(run_id, ending.state)
    tell_end(run)
    return run


@transaction.atomic
def interrupt(
    run_id: str, n: int, epoch: int, state: dict[str, Any], waiting: list[Interruption]
) -> bool:
    """Save the state of an interrupted run and ask people, if this epoch still has the run.

    One transaction: whoever sees the run awaiting approval finds its state and its requests.
    """
    run = _held(run_id, epoch)
    if run is None:
        return _released_before(run_id, epoch) is not None
    awaiting = RunStatus.AWAITING_APPROVAL
    _release(run, n, awaiting, False, database_now(), revision=run.revision + 1)
    save_interrupted(run, state)
    _ask(run_id, run.revision, waiting)
    return True


@transaction.atomic
def give_back(run_id: str, n: int, epoch: int) -> bool:
    """Leave a run to whoever can build its agents, if this epoch still has it.

    Its workflow must be parked: whoever takes it goes on after the steps that were finished.
    """
    run = _held(run_id, epoch)
    if run is None:
        return _released_before(run_id, epoch) is not None
    _release(run, n, RunStatus.QUEUED, False, database_now())
    ready = {"state": SegmentState.READY, "kind": SegmentKind.CONTINUE, "worker": None}
    Segment.objects.filter(run_id=run_id, n=n).update(**ready, ended_at=None)
    record_events(run_id, ("status", {"status": RunStatus.QUEUED}))
    if run.cancel_requested_at is not None:
        # Asked for while the run was on its way back, where no execution would see it.
        cancel(run_id, by=run.cancelled_by)
    return True


@transaction.atomic
def ask_outcomes(run_id: str, n: int, epoch: int, unknown: list[ToolStart]) -> bool:
    """Park a run whose tool calls have unknown outcomes, and ask people, under this epoch."""
    run = _held(run_id, epoch)
    if run is None:
        return False
    now = database_now()
    _release(run, n, RunStatus.AWAITING_APPROVAL, True, now)
    ToolStart.objects.filter(pk__in=[start.pk for start in unknown]).update(unknown_at=now)
    record_events(run_id, *(("tool.unknown", _facts(start)) for start in unknown))
    _ask(
        run_id,
        epoch,
        [
            Interruption(s.call_id, s.agent, s.tool, s.arguments, kind="outcome_unknown")
            for s in unknown
        ],
    )
    return True


def _facts(start: ToolStart) -> dict[str, Any]:
    facts = {"call_id": start.call_id, "tool": start.tool, "agent": start.agent}
    return facts | {"arguments": start.arguments, "started_at": start.started_at.isoformat()}


def _ask(run_id: str, revision: int, waiting: list[Interruption]) -> None:
    approval_gate().interrupted(run_id, revision, waiting)
    asked = [("approval.requested", _asked(call)) for call in waiting]
    record_events(run_id, *asked, ("status", {"status": RunStatus.AWAITING_APPROVAL}))
    run = Run.objects.get(run_id=run_id)
    if run.cancel_requested_at is not None:
        # Asked for while the run was on its way here, where no execution would see it.
        cancel(run_id, by=run.cancelled_by)


def _asked(call: Interruption) -> dict[str, Any]:
    asked = {"call_id": call.call_id, "tool": call.tool, "agent": call.agent}
    return asked | {"arguments": call.arguments, "kind": call.kind}


def _released_before(run_id: str, epoch: int) -> Run | None:
    """The run, where this epoch gave it up already, in a commit whose answer was lost."""
    return Run.objects.filter(run_id=run_id, epoch=epoch, owner__isnull=True).first()


def _held(run_id: str, epoch: int) -> Run | None:
    """The run, locked; None where it is not executed under this epoch any more."""
    rows = Run.objects.select_for_update(no_key=True)
    return rows.filter(run_id=run_id, epoch=epoch, status=RunStatus.RUNNING).first()


def _release(
    run: Run, n: int, status: RunStatus, parked: bool, now: datetime, **fields: Any
) -> None:
    """Give the run, which is locked, up with a new status, here and in its row."""
    spent = now - (run.executing_since or now)
    changed = {
        "status": status,
        "owner": None,
        "executing_since": None,
        "executing_ms": run.executing_ms + max(0, round(spent.total_seconds() * 1000)),
        **totals(run.run_id),
        **fields,
    }
    for name, value in changed.items():
        setattr(run, name, value)
    run.save(update_fields=list(changed))
    state = SegmentState.PARKED if parked else SegmentState.ENDED
    Segment.objects.filter(run_id=run.run_id, n=n).update(state=state, ended_at=now)
    # A place of its queue, or its session, is free for the next run.
    notify_dispatch()
