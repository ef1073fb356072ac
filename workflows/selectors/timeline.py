"""The timeline of a run: its events folded into rows, one per model call, tool call and so on.

The run page shows all rows; the live fragments show the rows that a batch of events touched, made
by the same code from the same events, so that a page that followed live and a page that was just
loaded say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.utils.dateparse import parse_datetime

from approvals.models import EXPIRED_OUTCOME, ApprovalRequest, RequestKind
from approvals.selectors import for_run
from approvals.services.expiry import THE_DEADLINE
from timestep.masking import masked
from timestep.models import DELTA_KIND, ENDED_STATUSES, RunEvent, SegmentKind
from timestep.services.present import EventLike
from timestep.services.resume import OUTCOMES
from workflows.selectors.timeline_order import call_row, in_order
from workflows.selectors.timeline_rows import Row, parsed


def rows(run_id: str, *, upto: int, steps: Iterable[str] | None = None) -> list[Row]:
    """The rows of a run as they stood at the event numbered `upto`.

    Args:
        run_id: The run.
        upto: The last event to count.
        steps: Only the rows of these steps.
    """
    events = RunEvent.objects.filter(run_id=run_id, seq__lte=upto)
    if steps is not None:
        events = events.filter(step__in=list(steps))
    return with_requests(fold(events.order_by("seq").iterator(chunk_size=2000)), run_id)


@dataclass(frozen=True)
class _Shown:
    """An event as it may be shown."""

    seq: int
    kind: str
    step: str
    attempt: int
    payload: dict[str, Any]
    at: datetime

    @classmethod
    def of(cls, event: EventLike) -> _Shown:
        """The event with its payload masked."""
        payload = masked(event.payload)
        return cls(event.seq, event.kind, event.step, event.attempt, payload, event.at)


def fold(events: Iterable[EventLike]) -> list[Row]:
    """Rows in the order in which they stand; each knows the last event that changed it."""
    found: dict[str, Row] = {}
    for event in map(_Shown.of, events):
        if event.kind in _ENDING:
            _end_open(found, event)
        key = _key(event, found)
        handle = _HANDLERS.get(event.kind)
        if key is None or handle is None:
            continue
        row = found.setdefault(key, Row(dom_id=key, step=event.step, kind=""))
        handle(row, event)
        row.seq = event.seq
    return in_order([row for row in found.values() if row.kind])


def _key(event: EventLike, found: dict[str, Row]) -> str | None:
    """The element id of the row that an event belongs to; None where it has no row."""
    if event.kind in _BY_STEP:
        return dom_id("step", event.step)
    if event.kind not in _BY_CALL:
        if event.kind == "hold.released":
            return _waiting_hold(event, found)
        return f"event-{event.seq}" if event.kind in _HANDLERS and _worth_a_row(event) else None
    call_id = str(event.payload.get("call_id", ""))
    if event.kind == "tool.unknown" or event.payload.get("kind") == RequestKind.OUTCOME_UNKNOWN:
        return _step_of(call_id, found) or call_key(call_id)
    if event.payload.get("outcome") in OUTCOMES:
        if (step := _step_of(call_id, found)) is not None:
            found[step].seq = event.seq  # The row asks no more.
        return f"event-{event.seq}"
    return call_key(call_id)


def _step_of(call_id: str, found: dict[str, Row]) -> str | None:
    """The row of the tool call, where it was started."""
    made = (key for key, row in found.items() if row.kind == "tool" and row.call_id == call_id)
    return next(made, None)


def _waiting_hold(event: EventLike, found: dict[str, Row]) -> str | None:
    """The row of the call that waited for the release of this hold."""
    released = _held(event.payload)
    waiting = (
        key
        for key, row in found.items()
        if row.kind == "hold" and row.state == "waiting" and _held(row.data) == released
    )
    return next(waiting, None)


def _held(payload: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(payload.get(name) for name in ("kind", "name", "agent", "tool", "call_id"))


def _end_open(found: dict[str, Row], event: EventLike) -> None:
    """When a run ends, what was under way has stopped, and what asked asks no more."""
    if event.kind == "status" and event.payload.get("status") not in ENDED_STATUSES:
        return
    failed = dom_id("step", str(event.payload.get("step") or ""))
    for key, row in found.items():
        if row.state == "running" or (row.state == "waiting" and row.kind in _WAITING):
            row.state, row.ended_at, row.seq = "stopped", event.at, event.seq
        if row.state in ("waiting", "unknown"):
            row.seq = event.seq
        if key == failed and event.kind == "run.failed":
            row.state, row.seq = "failed", event.seq
            row.error = str(event.payload.get("message") or "")


def dom_id(prefix: str, step: str) -> str:
    """The element id of a step: `0.3` is `step-0-3`."""
    return f"{prefix}-{step.replace('.', '-')}"


def call_key(call_id: str) -> str:
    """The element id of an approval's row. Call ids come from models, so they are hashed."""
    return f"call-{sha256(call_id.encode()).hexdigest()[:16]}"


def with_requests(found: list[Row], run_id: str) -> list[Row]:
    """Give rows that ask a person their approval request."""
    if not any(row.asks for row in found):
        return found
    requests = {(one.call_id, one.kind): one for one in for_run(run_id)}
    for row in found:
        row.request = _request_of(row, requests)
    return found


def _request_of(
    row: Row, requests: dict[tuple[str, str], ApprovalRequest]
) -> ApprovalRequest | None:
    if not row.asks:
        return None
    kind = RequestKind.TOOL_CALL if row.kind == "approval" else RequestKind.OUTCOME_UNKNOWN
    return requests.get((row.call_id, kind))


def _worth_a_row(event: EventLike) -> bool:
    """Starts are no news, and takeovers and retries have rows of their own; resumes are."""
    return event.kind != "segment.started" or event.payload.get("kind") == SegmentKind.RESUME


def _model_started(row: Row, event: EventLike) -> None:
    row.kind, row.state, row.text = "model", "running", ""
    row.title = str(event.payload.get("model", ""))
    row.agent = str(event.payload.get("agent", ""))
    _belongs(row, event)
    row.started_at, row.attempt = row.started_at or event.at, event.attempt


def _belongs(row: Row, event: EventLike) -> None:
    """To the call of an agent that is used as a tool, if to any."""
    if call_id := str(event.payload.get("parent_call_id") or ""):
        row.parent_call_id = call_id
        row.parent = call_row(call_id, str(event.payload.get("parent_step") or ""))


def _model_waiting(row: Row, event: EventLike) -> None:
    """It waits for its turn under a limit: what it waits is not its time."""
    row.kind, row.state, row.text = "model", "waiting", ""
    row.title = str(event.payload.get("model", row.title))
    row.agent = str(event.payload.get("agent", row.agent))
    row.waits.append(event.payload)


def _hold_waiting(row: Row, event: EventLike) -> None:
    row.kind, row.state, row.data = "hold", "waiting", event.payload
    row.started_at = event.at


def _hold_released(row: Row, event: EventLike) -> None:
    row.state, row.ended_at = "ok", event.at


def _delta(row: Row, event: EventLike) -> None:
    if event.attempt < row.attempt:
        return
    if event.attempt > row.attempt:
        row.attempt, row.text = event.attempt, ""
    row.text += str(event.payload.get("text", ""))


def _model_retry(row: Row, event: EventLike) -> None:
    row.kind = row.kind or "model"
    row.text = ""
    row.retries.append(event.payload)


def _model_finished(row: Row, event: EventLike) -> None:
    payload = event.payload
    row.kind, row.state = "model", "ok"
    row.title = str(payload.get("model", row.title))
    row.agent = str(payload.get("agent", row.agent))
    _belongs(row, event)
    row.text = str(payload.get("text") or "")
    row.tool_calls = list(payload.get("tool_calls") or [])
    row.hosted_calls = list(payload.get("hosted_calls") or [])
    row.usage = dict(payload.get("usage") or {})
    _ended(row, event)


def _tool_started(row: Row, event: EventLike) -> None:
    row.kind, row.state = "tool", "running"
    row.title = str(event.payload.get("tool", ""))
    row.agent = str(event.payload.get("agent", ""))
    row.call_id = str(event.payload.get("call_id", ""))
    _belongs(row, event)
    row.arguments = parsed(event.payload.get("arguments"))
    row.proposed = parsed(event.payload.get("proposed"))
    row.started_at = row.started_at or _moment(event.payload.get("started_at")) or event.at


def _tool_finished(row: Row, event: EventLike) -> None:
    started = row.started_at
    _tool_started(row, event)
    row.started_at = started or row.started_at
    row.state = "ok" if event.payload.get("ok", True) else "failed"
    row.output = parsed(event.payload.get("output"))
    row.error = str(event.payload.get("error") or "")
    _ended(row, event)


def _tool_unknown(row: Row, event: EventLike) -> None:
    _tool_started(row, event)
    row.state = "unknown"


def _guardrail_started(row: Row, event: EventLike) -> None:
    row.kind, row.state = "guardrail", "running"
    row.title = str(event.payload.get("guardrail", ""))
    row.agent = str(event.payload.get("agent", ""))
    row.note = str(event.payload.get("kind", ""))
    row.call_id = str(event.payload.get("call_id") or "")
    _belongs(row, event)
    row.started_at = row.started_at or _moment(event.payload.get("started_at")) or event.at


def _guardrail_finished(row: Row, event: EventLike) -> None:
    _guardrail_started(row, event)
    rejected = event.payload.get("behavior") == "reject_content"
    row.state = "failed" if event.payload.get("tripped") else "reject" if rejected else "ok"
    row.output = parsed(event.payload.get("output_info"))
    _ended(row, event)


def _approval_requested(row: Row, event: EventLike) -> None:
    if event.payload.get("kind") == RequestKind.OUTCOME_UNKNOWN:
        return _tool_unknown(row, event)
    _tool_started(row, event)
    row.kind, row.state, row.started_at = "approval", "waiting", event.at
    return None


def _approval_decided(row: Row, event: EventLike) -> None:
    row.kind = "approval"
    row.title = str(event.payload.get("tool", row.title))
    row.call_id = str(event.payload.get("call_id", row.call_id))
    row.by = str(event.payload.get("by", ""))
    row.state = str(event.payload.get("outcome", ""))
    if row.by == THE_DEADLINE:
        row.state = EXPIRED_OUTCOME  # Also in events of releases that wrote it as a rejection.
    row.note = str(event.payload.get("reason") or "")
    row.ended_at = event.at
    if row.state in OUTCOMES:
        row.kind, row.started_at = "answer", event.at


def _approval_denied(row: Row, event: EventLike) -> None:
    """A policy said no, without asking anybody."""
    _tool_started(row, event)
    row.kind, row.state, row.ended_at = "approval", "deny", event.at
    row.by = f"policy “{event.payload.get('policy', '')}”"
    row.note = str(event.payload.get("why") or "")


def _note(kind: str) -> Callable[[Row, EventLike], None]:
    def handle(row: Row, event: EventLike) -> None:
        row.kind, row.state, row.data = kind, "note", event.payload
        row.started_at = event.at

    return handle


def _changed(what: str) -> Callable[[Row, EventLike], None]:
    """Something of the run is another now than it was launched with."""
    note = _note("changed")

    def handle(row: Row, event: EventLike) -> None:
        note(row, event)
        row.title = what
        row.by = str(event.payload.get("by") or "")

    return handle


def _ended(row: Row, event: EventLike) -> None:
    row.started_at = _moment(event.payload.get("started_at")) or row.started_at
    row.ended_at = _moment(event.payload.get("ended_at")) or event.at
    given = event.payload.get("duration_ms")
    if given is None and row.started_at is not None:
        given = (row.ended_at - row.started_at).total_seconds() * 1000
    row.duration_ms = None if given is None else int(given)


def _moment(text: Any) -> datetime | None:
    return parse_datetime(text) if isinstance(text, str) else None


_BY_STEP: dict[str, Callable[[Row, EventLike], None]] = {
    "model.waiting": _model_waiting,
    "model.started": _model_started,
    DELTA_KIND: _delta,
    "model.retry": _model_retry,
    "model.finished": _model_finished,
    "tool.started": _tool_started,
    "tool.finished": _tool_finished,
    "guardrail.started": _guardrail_started,
    "guardrail.finished": _guardrail_finished,
}
_BY_CALL: dict[str, Callable[[Row, EventLike], None]] = {
    "tool.unknown": _tool_unknown,
    "approval.requested": _approval_requested,
    "approval.decided": _approval_decided,
    "approval.denied": _approval_denied,
}
_HANDLERS: dict[str, Callable[[Row, EventLike], None]] = {
    **_BY_STEP,
    **_BY_CALL,
    "handoff": _note("handoff"),
    "segment.started": _note("segment"),
    "worker.lost": _note("worker_lost"),
    "run.retried": _note("retried"),
    "run.moved": _changed("engine version"),
    "run.priority": _changed("priority"),
    "run.queue": _changed("queue"),
    "hold.waiting": _hold_waiting,
    "hold.released": _hold_released,
    "run.failed": _note("failure"),
    "approval.grant_used": _note("granted"),
}

_ENDING = {"run.failed", "status"}
# Rows that may wait for something else than a person.
_WAITING = {"model", "hold"}
# Events that change nothing but the rows of their own step.
LOCAL_KINDS = _BY_STEP.keys() | {"handoff"}
