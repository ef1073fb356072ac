"""Model limits as people see them: what is used of each at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.utils import timezone

from timestep.errors import ModelLimitNotFound
from timestep.models import ModelLimit, ModelTurn
from timestep.services.estimates import Estimate
from timestep.services.turn_windows import Window, windows_of
from timestep.services.turns import SEEN_WITHIN

MOST_LIMITS = 200


@dataclass(frozen=True)
class Use:
    """How much of a figure is used; `most` is None where it is not limited."""

    used: int
    most: int | None

    @property
    def shown(self) -> int:
        """What a bar of the length `most` shows."""
        return min(self.used, self.most or 0)

    @property
    def full(self) -> bool:
        """Whether nothing is left."""
        return self.most is not None and self.used >= self.most


@dataclass(frozen=True)
class LimitLine:
    """A limit with what counts under it now, and how many calls wait.

    `free_at` is when there is room again, where there is none.
    """

    limit: ModelLimit
    requests: Use
    tokens: Use
    waiting: int
    free_at: datetime | None


def limit_lines() -> list[LimitLine]:
    """All limits, by their patterns."""
    return _lines(list(ModelLimit.objects.all()[:MOST_LIMITS]))


def limit_line(pattern: str) -> LimitLine:
    """One limit as the list has it. Raises ModelLimitNotFound."""
    return _lines([get_limit(pattern)])[0]


def _lines(limits: list[ModelLimit]) -> list[LimitLine]:
    now = timezone.now()
    waits = ModelTurn.objects.filter(taken_at__isnull=True, seen_at__gt=now - SEEN_WITHIN)
    counts = waits.order_by().values_list("limit_id").annotate(calls=Count("pk"))
    waiting: dict[str, int] = dict(counts)
    windows = windows_of(limits, now)
    return [_line(windows[one.pattern], waiting.get(one.pattern, 0)) for one in limits]


def get_limit(pattern: str) -> ModelLimit:
    """The limit of a pattern. Raises ModelLimitNotFound."""
    found = None if "\x00" in pattern else ModelLimit.objects.filter(pattern=pattern).first()
    if found is None:
        raise ModelLimitNotFound(pattern)
    return found


def _line(window: Window, waiting: int) -> LimitLine:
    limit = window.limit
    lack = window.lack(Estimate(1, guessed=False))
    return LimitLine(
        limit,
        Use(window.requests, limit.requests_per_minute),
        Use(window.tokens, limit.tokens_per_minute),
        waiting,
        lack.until if lack else None,
    )
