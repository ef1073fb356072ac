"""JSON forms of runs and events, the same on the command line and on sockets."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from timestep.masking import masked
from timestep.models import Run


class EventLike(Protocol):
    """What an event must have: a `RunEvent`, or a row of the feed."""

    @property
    def seq(self) -> int:
        """Its number within the run."""

    @property
    def kind(self) -> str:
        """What happened."""

    @property
    def step(self) -> str:
        """The step it belongs to, or empty."""

    @property
    def attempt(self) -> int:
        """Which attempt of the step."""

    @property
    def payload(self) -> dict[str, Any]:
        """What there is to say."""

    @property
    def at(self) -> datetime:
        """When."""


def run_as_json(run: Run) -> dict[str, Any]:
    """A run as programs see it, masked; times are ISO 8601 in UTC, or null."""
    shown: dict[str, Any] = masked(_as_json(run))
    return shown


def _as_json(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "status": run.status,
        "agent": run.agent,
        "final_output": run.final_output,
        "error": public_error(run.error),
        "usage": usage_as_json(run),
        "created_at": _iso(run.created_at),
        "started_at": _iso(run.started_at),
        "finished_at": _iso(run.finished_at),
        "segments": run.segments.count(),
    }


def usage_as_json(run: Run) -> dict[str, int]:
    """Model requests and tokens of a run over all its segments."""
    return {
        "requests": run.requests,
        "input_tokens": run.input_tokens,
        "output_tokens": run.output_tokens,
        "total_tokens": run.total_tokens,
    }


def public_error(error: dict[str, Any] | None) -> dict[str, Any] | None:
    """A run's error, masked, without its traceback, which only operators may see."""
    return error and {key: masked(value) for key, value in error.items() if key != "traceback"}


def event_as_json(event: EventLike) -> dict[str, Any]:
    """An event as programs see it, masked: `seq`, `kind`, `payload`, `at`."""
    payload: dict[str, Any] = masked(event.payload)
    if event.step:
        payload |= {"step": event.step, "attempt": event.attempt}
    payload.pop("traceback", None)
    return {"seq": event.seq, "kind": event.kind, "payload": payload, "at": _iso(event.at)}


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
