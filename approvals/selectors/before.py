"""What was decided like this before: the same agent and tool, in the last 90 days."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone

from approvals.models import ApprovalRequest, RequestKind, RequestStatus

DAYS = 90
# Enough to know what is usual; a query that reads more would be slow for a busy tool.
MOST = 200
_ENOUGH = 3
_LONGEST_NUMBER = 20
_IS_ID = re.compile(r"(^|[_-])(id|no|nr|number)$", re.IGNORECASE)
_DECIDED = (RequestStatus.APPROVED, RequestStatus.REJECTED, RequestStatus.EXPIRED)
_COLUMNS = ("status", "arguments", "edited_arguments")


@dataclass(frozen=True)
class Before:
    """How often it was approved and rejected; of numbers, what was usual among the approved.

    `expired`: how often nobody decided in time. `capped`: these are the latest `MOST`, and there
    were more.
    """

    approved: int = 0
    rejected: int = 0
    expired: int = 0
    capped: bool = False
    medians: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.approved or self.rejected or self.expired)


def decided_before(requests: Iterable[ApprovalRequest]) -> dict[tuple[str, str], Before]:
    """What was decided before, by agent and tool: one bounded query for each pair."""
    asked = [one for one in requests if one.kind == RequestKind.TOOL_CALL]
    return {pair: _before(*pair) for pair in {(one.agent, one.tool) for one in asked}}


def _before(agent: str, tool: str) -> Before:
    rows = ApprovalRequest.objects.filter(
        agent=agent,
        tool=tool,
        decided_at__gte=timezone.now() - timedelta(days=DAYS),
        status__in=_DECIDED,
        kind=RequestKind.TOOL_CALL,
    )
    found = list(rows.order_by("-decided_at").values_list(*_COLUMNS)[: MOST + 1])
    decided = found[:MOST]
    approved = [
        proposed if edited is None else edited
        for status, proposed, edited in decided
        if status == RequestStatus.APPROVED
    ]
    counts = Counter(status for status, _, _ in decided)
    return Before(
        approved=len(approved),
        rejected=counts[RequestStatus.REJECTED],
        expired=counts[RequestStatus.EXPIRED],
        capped=len(found) > MOST,
        medians=_medians(approved),
    )


def _medians(arguments: list[Any]) -> tuple[tuple[str, str], ...]:
    """Of each argument that was a number often enough: its name and its median."""
    numbers: dict[str, list[Decimal]] = {}
    for given in arguments:
        for name, value in given.items() if isinstance(given, dict) else ():
            if (number := _amount(value)) is not None:
                numbers.setdefault(name, []).append(number)
    usual = (
        (name, found)
        for name, found in numbers.items()
        if len(found) >= _ENOUGH and not _IS_ID.search(name)
    )
    return tuple((name, f"{statistics.median(found):,}") for name, found in usual)[:2]


def _amount(value: Any) -> Decimal | None:
    """A number, also one that is written as a text with decimals: that is how money is given.

    Whole numbers in texts are ids as often as amounts, and the median of an id says nothing.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value)
    if len(text) > _LONGEST_NUMBER or (isinstance(value, str) and "." not in text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
