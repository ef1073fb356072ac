"""Writes events as a worker does: numbers, rows and notification in one transaction."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from timestep.models import DELTA_KIND, AgentSpec, Run, RunEvent
from timestep.notify import notify_events


def make_run(run_id: str = "run-1", **fields: Any) -> Run:
    """A run with no events."""
    spec, _ = AgentSpec.objects.get_or_create(digest="d" * 64, defaults={"body": {}})
    return Run.objects.create(
        run_id=run_id, spec=spec, agent="demo", input="hi", input_digest="", engine_version=1,
        **fields,
    )  # fmt: skip


def write(
    run_id: str, *events: tuple[str, dict[str, Any]], step: str = "", attempt: int = 0
) -> int:
    """Append events in one transaction; the last seq."""
    place = {"run_id": run_id, "step": step, "attempt": attempt, "at": timezone.now()}
    with transaction.atomic():
        Run.objects.filter(run_id=run_id).update(last_seq=F("last_seq") + len(events))
        last = int(Run.objects.values_list("last_seq", flat=True).get(run_id=run_id))
        RunEvent.objects.bulk_create(
            RunEvent(seq=last - len(events) + n, kind=kind, payload=payload, **place)
            for n, (kind, payload) in enumerate(events, start=1)
        )
        notify_events([run_id])
    return last


def speak(run_id: str, *words: str, step: str = "0.1", attempt: int = 0) -> int:
    """Append deltas of one step in one transaction."""
    deltas = [(DELTA_KIND, {"text": word}) for word in words]
    return write(run_id, *deltas, step=step, attempt=attempt)


def finish_step(run_id: str, text: str, step: str = "0.1") -> int:
    """Append the final event of a step and fold its deltas, in one transaction."""
    with transaction.atomic():
        last = write(run_id, ("model.finished", {"text": text}), step=step)
        RunEvent.objects.filter(run_id=run_id, step=step, kind=DELTA_KIND).delete()
    return last


def in_own_connection(function: Any, *args: Any, **kwargs: Any) -> Any:
    """For threads: closes their connection, so that the test database can be dropped."""
    try:
        return function(*args, **kwargs)
    finally:
        connection.close()
