"""Agents whose runs failed today, for the home page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from approvals.access import EVERYTHING, Sight
from timestep.models import Run, RunStatus

LOOKED_AT = 200


@dataclass(frozen=True)
class Failing:
    """An agent with failures today: how many of the latest, and what the last one said."""

    agent: str
    agent_version: int | None
    count: int
    run_id: str
    message: str
    at: datetime


def failing_today(sight: Sight = EVERYTHING) -> list[Failing]:
    """Agents with failures since midnight, the latest first; looks at the last 200 seen."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    rows = Run.objects.filter(sight.runs(), status=RunStatus.FAILED, finished_at__gte=midnight)
    found = list(
        rows.order_by("-finished_at").values_list(
            "agent", "agent_version", "run_id", "error", "finished_at"
        )[:LOOKED_AT]
    )
    counts = Counter(agent for agent, *_ in found)
    first: dict[str, Failing] = {}
    for agent, version, run_id, error, at in found:
        if at is None:
            continue  # Not among the rows: they were filtered by it.
        message = str((error or {}).get("message") or (error or {}).get("what") or "")
        first.setdefault(agent, Failing(agent, version, counts[agent], run_id, message, at))
    return list(first.values())
