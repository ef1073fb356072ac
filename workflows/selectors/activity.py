"""What was done lately: runs by hour, an agent's tokens by day, and what comes next."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta

from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from approvals.access import EVERYTHING, Sight
from timestep.digests import digest
from timestep.models import ENDED_STATUSES, Run, Schedule
from workflows.selectors.charts import Chart, Slot, stacked
from workflows.selectors.endings import ENDINGS, endings_by
from workflows.selectors.moments import as_address

HOURS = 24
DAYS = 7
NEXT_UP = 5
# Of a very busy agent the latest alone: the page must not read them all.
RUNS_READ = 5000
_KEPT_SECONDS = 20
_HOUR = timedelta(hours=1)
_TOKENS = {"input": "in", "output": "out"}


def runs_by_hour(sight: Sight = EVERYTHING) -> Chart | None:
    """Runs that ended within a day, by the hour and by how; a little old, since all look at it."""
    name = f"workflows.runs_by_hour.{digest(sight.name)}"
    chart: Chart | None = cache.get_or_set(name, lambda: _runs_by_hour(sight), _KEPT_SECONDS)
    return chart


def _runs_by_hour(sight: Sight) -> Chart | None:
    """One scan of the index over status and end, as far back as a day."""
    last = timezone.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first = last - (HOURS - 1) * _HOUR
    ended = Run.objects.filter(status__in=ENDED_STATUSES, finished_at__gte=first)
    found = endings_by(ended.filter(sight.runs()), 1, 13)
    hours = [first + number * _HOUR for number in range(HOURS)]
    slots = [Slot(_clock(at), found.get(f"{at:%Y-%m-%d %H}", {}), _ended_in(at)) for at in hours]
    return stacked(slots, ENDINGS)


def _clock(at: datetime) -> str:
    return f"{timezone.localtime(at):%H:%M}"


def _ended_in(at: datetime) -> str:
    window = {"finished_from": as_address(at), "finished_to": as_address(at + _HOUR)}
    return reverse("runs", query=window)


def tokens_by_day(agent: str) -> Chart | None:
    """What the agent's runs of seven days have used, by the day on which they were launched."""
    today = timezone.localdate()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    since = timezone.make_aware(datetime.combine(days[0], datetime.min.time()))
    rows = Run.objects.filter(agent=agent, created_at__gte=since).order_by("-created_at")
    used: dict[date, Counter[str]] = defaultdict(Counter)
    for at, read, written in rows.values_list("created_at", "input_tokens", "output_tokens")[
        :RUNS_READ
    ]:
        used[timezone.localdate(at)].update(input=read, output=written)
    return stacked([Slot(f"{day:%a %d}", used[day]) for day in days], _TOKENS)


def next_up(sight: Sight = EVERYTHING) -> list[Schedule]:
    """The schedules that fire next, of agents that are seen."""
    active = Schedule.objects.filter(sight.agents_in("agent"), paused=False, next_at__isnull=False)
    return list(active.order_by("next_at").only("name", "agent", "next_at")[:NEXT_UP])
