"""Why a running run stands still: its step waits for the release of a hold, or for its turn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from timestep.models import ModelTurn, RunEvent
from timestep.services.estimates import Estimate
from timestep.services.turn_windows import windows_of
from timestep.services.turns import SEEN_WITHIN
from workflows.selectors.why.case import NAMED, Case, Mend, Reason
from workflows.selectors.why.stops import reason_of

# What the smallest call needs.
_ANY = Estimate(1, guessed=False)
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
    """The model calls of the run that wait for their turn, and the limits without room for them."""
    since = Now() - SEEN_WITHIN
    waiting = ModelTurn.objects.filter(run=case.run, taken_at__isnull=True, seen_at__gte=since)
    turns = list(waiting.select_related("limit").order_by("id")[:NAMED])
    windows = windows_of([turn.limit for turn in turns], timezone.now())
    lacks = [(turn, windows[turn.limit_id].lack(_ANY)) for turn in turns]
    for turn, lack in [pair for pair in lacks if pair[1]] or lacks:
        text = f"A call of {turn.model} waits for its turn under the limit {turn.limit_id}."
        if lack is not None:
            text += f" Its {lack.what} of this minute are used."
        until = lack.until if lack is not None else None
        mends = (Mend("The limit", reverse("limits"), "timestep.view_modellimit"),)
        yield Reason("model_limit", text, since=turn.asked_at, until=until, mends=mends)
