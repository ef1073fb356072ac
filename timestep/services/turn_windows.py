"""What counts under a model limit at a moment, and when there is room again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum

from timestep.models import ModelLimit, ModelTurn
from timestep.services.estimates import Estimate

MINUTE = timedelta(seconds=60)
REQUESTS, TOKENS, FIRST_CALL = "requests", "tokens", "first_call"


@dataclass(frozen=True)
class Lack:
    """What a call waits for.

    Args:
        limit: The pattern of the limit.
        what: `requests`, `tokens`, or `first_call`: nothing is known of such calls yet, and
            another of which nothing is known is under way.
        until: When there is room, at the latest; None where that is not known.
    """

    limit: str
    what: str
    until: datetime | None = None


class Window:
    """What counts under one limit now.

    Args:
        limit: The limit.
        now: The moment.
        requests: Calls that count.
        tokens: Their tokens.
        guesses: How many of them are under way of which nothing was known.
    """

    def __init__(
        self, limit: ModelLimit, now: datetime, requests: int = 0, tokens: int = 0, guesses: int = 0
    ) -> None:
        self.limit = limit
        self.requests = requests
        self.tokens = tokens
        self._now = now
        self._guesses = guesses

    def lack(self, expected: Estimate) -> Lack | None:
        """What a call lacks here; None where it may be made."""
        most = self.limit.requests_per_minute
        if most is not None and self.requests >= most:
            return Lack(self.limit.pattern, REQUESTS, self._request_free())
        if self.limit.tokens_per_minute is None:
            return None
        if expected.guessed and self._guesses:
            return Lack(self.limit.pattern, FIRST_CALL)
        # What is larger than the whole limit is made when nothing else counts.
        excess = self.tokens + self._reserved(expected) - self.limit.tokens_per_minute
        if excess > 0 and self.tokens > 0:
            return Lack(self.limit.pattern, TOKENS, self._tokens_free(excess))
        return None

    def add(self, expected: Estimate) -> None:
        """Count a call that takes its turn."""
        self.requests += 1
        self.tokens += expected.tokens
        self._guesses += expected.guessed

    def _reserved(self, expected: Estimate) -> int:
        most = self.limit.tokens_per_minute
        if not expected.guessed or most is None:
            return expected.tokens
        return min(expected.tokens, most // 2)

    def _counted(self) -> QuerySet[ModelTurn]:
        return counted([self.limit], self._now)

    def _request_free(self) -> datetime | None:
        """When enough requests count no more for one to be made."""
        over = self.requests - (self.limit.requests_per_minute or 0)
        ends = self._counted().filter(request_until__gt=self._now).order_by("request_until")
        return ends.values_list("request_until", flat=True)[over : over + 1].first()

    def _tokens_free(self, excess: int) -> datetime | None:
        """When so many tokens count no more; earlier where calls use less than estimated."""
        ends = self._counted().order_by("tokens_until").values_list("tokens_until", "tokens")
        for until, tokens in ends.iterator(chunk_size=500):
            excess -= tokens
            if excess <= 0:
                return until
        return self._counted().order_by("-tokens_until")[0].tokens_until


def counted(limits: Iterable[ModelLimit], now: datetime) -> QuerySet[ModelTurn]:
    """Turns that count under these limits, as requests or by their tokens."""
    return ModelTurn.objects.filter(limit__in=limits, tokens_until__gt=now)


def windows_of(limits: list[ModelLimit], now: datetime) -> dict[str, Window]:
    """What counts under each of the limits, by its pattern."""
    rows = counted(limits, now).order_by().values("limit_id")
    found = rows.annotate(
        requests=Count("pk", filter=Q(request_until__gt=now)),
        used=Sum("tokens"),
        guesses=Count("pk", filter=Q(guessed=True, settled_at__isnull=True)),
    )
    used = {
        row["limit_id"]: {
            "requests": row["requests"],
            "tokens": row["used"],
            "guesses": row["guesses"],
        }
        for row in found
    }
    return {one.pattern: Window(one, now, **used.get(one.pattern, {})) for one in limits}
