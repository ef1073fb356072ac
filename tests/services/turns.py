"""Turns under model limits, as their tests take and move them."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from django.db.models import F

from tests.services.rows import launched
from timestep.models import ModelLimit, ModelTurn
from timestep.services import turns
from timestep.services.turn_windows import Lack
from timestep.services.turns import Asking, Spent

_CALLS = itertools.count()


def limit(pattern: str, requests: int | None = None, tokens: int | None = None) -> ModelLimit:
    """A limit, as it is kept."""
    return ModelLimit.objects.create(
        pattern=pattern, requests_per_minute=requests, tokens_per_minute=tokens
    )


def asking(model: str = "openai/m", agent: str = "desk", **given: int | None) -> Asking:
    """A call of its own run."""
    call = f"call-{next(_CALLS)}"
    run_id = launched(call).run_id
    sent = {"size": 30, "most_output": None} | given
    return Asking(call, model, agent, run_id, 1, "0.1", int(sent["size"] or 0), sent["most_output"])


def ask(model: str = "openai/m", agent: str = "desk", **given: int | None) -> Lack | None:
    """What a new call waits for; nothing where it took its turn."""
    return turns.ask(asking(model, agent, **given))


def known(agent: str = "desk", *, given: int = 10, made: int = 10) -> None:
    """A hundred calls of an agent, long ago, whose usage is known."""
    asked = asking(agent=agent)
    turns.ask(asked)
    turns.settle(asked.call, 0.0, 0.0, Spent(given, made))
    pass_time(3600)
    (turn,) = ModelTurn.objects.filter(call=asked.call)
    alike = [ModelTurn(**_values(turn) | {"call": f"{turn.call}-{n}"}) for n in range(99)]
    ModelTurn.objects.bulk_create(alike)


def _values(turn: ModelTurn) -> dict[str, Any]:
    names = [field.attname for field in ModelTurn._meta.concrete_fields if not field.primary_key]
    return {name: getattr(turn, name) for name in names}


def pass_time(seconds: float) -> None:
    """Let all turns be so much older."""
    ago = timedelta(seconds=seconds)
    times = ("asked_at", "seen_at", "taken_at", "settled_at", "request_until", "tokens_until")
    ModelTurn.objects.update(**{name: F(name) - ago for name in times})


def taken() -> list[str]:
    """The calls that have taken their turns."""
    found = ModelTurn.objects.filter(taken_at__isnull=False).order_by("id")
    return list(found.values_list("call", flat=True))
