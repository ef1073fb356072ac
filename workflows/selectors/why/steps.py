"""Why a running run stands still: its step waits for the release of a hold, or for its turn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now
from django.urls import reverse

from timestep.models import ModelTurn, RunEvent
from workflows.selectors.why.case import NAMED, Case, Mend, Reason
from workflows.selectors.why.stops import reason_of

# A row of a process that died is not waited behind; see the engine's model turns.
_SEEN_WITHIN = timedelta(seconds=5)
_EVENTS_READ = 50


def step_holds(case: Case) -> Iterator[Reason]:
    """The holds that calls of the run wait for at this moment."""
    if not case.holds:
        return
    kinds = ("hold.waiting", "hold.released")
    events = RunEvent.objects.filter(run=case.run, kind__in=kinds).order_by("-seq")
    told = list(events.values_list("kind", "payload")[:_EVENTS_READ])
    waiting: dict[tuple[Any, ...], tuple[Any, Any]] = {}
    for kind, payload in reversed(told):
        call = tuple(payload.get(name) for name in ("agent", "tool", "call_id"))
        waiting.pop(call, None)
        if kind == "hold.waiting":
            waiting[call] = (payload.get("kind"), payload.get("name"))
    for hold in case.holds:
        if (hold.kind, hold.name) in waiting.values():
            yield reason_of(hold)


def model_limits(case: Case) -> Iterator[Reason]:
    """The model calls of the run that wait for their turn under a limit."""
    since = Now() - _SEEN_WITHIN
    waiting = ModelTurn.objects.filter(run=case.run, taken_at__isnull=True, seen_at__gte=since)
    for turn in waiting.order_by("id")[:NAMED]:
        text = f"A call of {turn.model} waits for its turn under the limit {turn.limit_id}."
        mends = (Mend("The limit", reverse("limits"), "timestep.view_modellimit"),)
        yield Reason("model_limit", text, since=turn.asked_at, mends=mends)
