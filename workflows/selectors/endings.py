"""How runs ended, counted by moments: what charts of runs are made of."""

from __future__ import annotations

from collections import defaultdict

from django.db.models import Count, QuerySet, TextField
from django.db.models.functions import Cast, Substr

from timestep.models import Run, RunStatus

# The kinds of a chart, in the order in which they are stacked.
ENDINGS: dict[str, str] = {
    RunStatus.SUCCEEDED: "succeeded",
    RunStatus.FAILED: "failed",
    RunStatus.TIMED_OUT: "timed out",
    RunStatus.CANCELLED: "cancelled",
}


def endings_by(ended: QuerySet[Run], first: int, length: int) -> dict[str, dict[str, int]]:
    """How many ended in which way, by a part of the text of their ends.

    Args:
        ended: The runs, all of which have ended.
        first: Where the part begins in `2026-03-30 07:15:00`, from 1. That text, in UTC, is the
            same on both databases but for the sign between date and time.
        length: How many characters the part has.
    """
    part = Substr(Cast("finished_at", TextField()), first, length)
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for at, status, number in (
        ended.order_by().values_list(part, "status").annotate(Count("status"))
    ):
        found[at][status] = number
    return found
