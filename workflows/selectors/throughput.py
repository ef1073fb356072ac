"""How much a queue gets done: its last hour, and its rate window as it stands now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core.cache import cache
from django.utils import timezone

from timestep.models import (
    ENDED_STATUSES,
    Queue,
    Run,
)
from timestep.services.database_clock import database_now
from timestep.services.places import starts_in_window, window_of
from workflows.selectors.charts import Chart, Slot, stacked
from workflows.selectors.endings import ENDINGS, endings_by

MINUTES = 60
_KEPT_SECONDS = 5
_MINUTE = timedelta(minutes=1)
_STARTS = {"started": "started"}
SLOTS = 60
# Of a limit larger than this only so many starts are drawn; what is free is right all the same.
MOST_DRAWN = 5000


@dataclass(frozen=True)
class RateWindow:
    """The starts that count against a queue's rate now.

    `free`: how many may start at once; `next_free_at`: when the oldest start leaves the window,
    where none may. `chart` draws the window from its far end to now; None where it is empty.
    """

    limit: int
    period_seconds: float
    used: int
    free: int
    next_free_at: datetime | None
    chart: Chart | None


def rate_window(queue: Queue) -> RateWindow | None:
    """The rate window of a queue as the engine's admission counts it; None where it has none."""
    if queue.limit is None:
        return None
    now = database_now()
    newest = starts_in_window(queue).reverse()
    found = newest.values_list("started_at", flat=True)[: max(queue.limit, MOST_DRAWN)]
    times = [at or now for at in found]
    used = min(len(times), queue.limit)
    full = used >= queue.limit
    return RateWindow(
        limit=queue.limit,
        period_seconds=queue.period_seconds,
        used=used,
        free=queue.limit - used,
        next_free_at=times[queue.limit - 1] + window_of(queue) if full and queue.limit else None,
        chart=_window_chart(times, now, queue.period_seconds),
    )


def _window_chart(times: list[datetime], now: datetime, period: float) -> Chart | None:
    slot = period / SLOTS
    counts: Counter[int] = Counter()
    for at in times:
        age = max(0.0, (now - at).total_seconds())
        counts[SLOTS - 1 - min(SLOTS - 1, int(age / slot))] += 1
    slots = [
        Slot(_age(SLOTS - 1 - place, slot), {"started": counts[place]}) for place in range(SLOTS)
    ]
    return stacked(slots, _STARTS)


def _age(place: int, slot: float) -> str:
    return "now" if place == 0 else f"{place * slot:.3g} s ago"


def last_hour(name: str) -> Chart | None:
    """Runs of a queue that ended within an hour, by the minute and by how."""
    kept = f"workflows.last_hour.{name}"
    chart: Chart | None = cache.get_or_set(kept, lambda: _last_hour(name), _KEPT_SECONDS)
    return chart


def _last_hour(name: str) -> Chart | None:
    last = timezone.now().astimezone(UTC).replace(second=0, microsecond=0)
    first = last - (MINUTES - 1) * _MINUTE
    ended = Run.objects.filter(status__in=ENDED_STATUSES, finished_at__gte=first, queue=name)
    found = endings_by(ended, 12, 5)
    minutes = [first + number * _MINUTE for number in range(MINUTES)]
    slots = [
        Slot(f"{timezone.localtime(at):%H:%M}", found.get(f"{at:%H:%M}", {})) for at in minutes
    ]
    return stacked(slots, ENDINGS)
