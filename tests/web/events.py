"""Events as the engine writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from timestep.models import Run, RunEvent

AT = datetime(2026, 1, 31, 8, 30, 12, tzinfo=UTC)


def event(run: Run, kind: str, step: str = "", attempt: int = 101, /, **payload: Any) -> RunEvent:
    """Append one event to a run."""
    run.last_seq += 1
    run.save(update_fields=["last_seq"])
    return RunEvent.objects.create(
        run=run, seq=run.last_seq, kind=kind, step=step, attempt=attempt, payload=payload, at=AT
    )


def model_started(run: Run, step: str, **more: Any) -> RunEvent:
    """A model call that begins."""
    return event(run, "model.started", step, agent="desk", model="demo/fast", **more)


def model_finished(run: Run, step: str, text: str = "", **more: Any) -> RunEvent:
    """A model call that is whole."""
    usage = {"input_tokens": 800, "cached_tokens": 0, "output_tokens": 12, "reasoning_tokens": 0}
    whole = {"usage": usage, "duration_ms": 2100, "tries": 1, "tool_calls": []} | more
    return event(run, "model.finished", step, agent="desk", model="demo/fast", text=text, **whole)


def tool_call(run: Run, step: str, *, ended: bool = True, **more: Any) -> None:
    """A tool call, ended unless said otherwise."""
    facts = {"call_id": "call_1", "tool": "lookup", "agent": "desk", "arguments": '{"id": 7}'}
    event(run, "tool.started", step, **facts)
    if ended:
        event(run, "tool.finished", step, **facts, **({"output": "found", "ok": True} | more))
