"""Runs in any state, as the tests of services and of the engine need them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connections
from django.utils import timezone

from timestep.models import AgentSpec, Run, RunStatus, Segment, SegmentState, ToolStart
from timestep.services.launch import launch
from timestep.services.specs import store_spec

BODY: dict[str, Any] = {"spec_version": 1, "start": "desk", "agents": {}}


def spec() -> AgentSpec:
    """A spec without agents: services never look inside."""
    return store_spec(BODY)


def launched(run_id: str | None = None, **options: Any) -> Run:
    """A run as the service launches it."""
    values = {"spec": spec(), "input": "hello", "agent": "desk", **options}
    return launch(run_id=run_id, **values)


def standing(run_id: str, status: RunStatus, **fields: Any) -> Run:
    """A run with this status, and its only segment where it is under that status."""
    run = launched(run_id, **{key: fields.pop(key) for key in _OPTIONS & fields.keys()})
    if status == RunStatus.RUNNING:
        fields = {"owner": "w-1", "epoch": 1, "executing_since": timezone.now()} | fields
    Run.objects.filter(run_id=run_id).update(status=status, **fields)
    Segment.objects.filter(run_id=run_id).update(state=_SEGMENTS[status], worker="w-1")
    run.refresh_from_db()
    return run


def tool_start(run: Run, call_id: str, *, step: int = 1, **fields: Any) -> ToolStart:
    """A call of a tool that is not idempotent, begun in the first segment."""
    values = {"segment": f"{run.pk}:0", "tool": "refund", "agent": "desk", "arguments": "{}"}
    return ToolStart.objects.create(run=run, call_id=call_id, step=step, **values | fields)


def waiting_thread(act: Callable[[], object]) -> threading.Thread:
    """A thread that has begun `act`, and now waits for the caller's transaction if it must."""

    def body() -> None:
        try:
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=body)
    thread.start()
    thread.join(0.3)
    return thread


_OPTIONS = {"dedup_id", "session_id", "queue", "priority", "timeout_seconds"}
_SEGMENTS = {
    RunStatus.QUEUED: SegmentState.READY,
    RunStatus.RUNNING: SegmentState.RUNNING,
    RunStatus.AWAITING_APPROVAL: SegmentState.ENDED,
    RunStatus.SUCCEEDED: SegmentState.ENDED,
    RunStatus.FAILED: SegmentState.PARKED,
    RunStatus.TIMED_OUT: SegmentState.PARKED,
    RunStatus.CANCELLED: SegmentState.ENDED,
}
