"""The audit trail as a feed: what was acted on after a number, requests and holds."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from approvals.models import AuditEntry

# Acts of the audit trail that are about a request; their subject is its id.
ACT_PREFIX = "approval."
# Acts that change what may go on, which pages and cards show at once.
STOPPING = ("hold.", "queue.pause", "queue.unpause")


@dataclass(frozen=True)
class Acts:
    """What was acted on: requests by their ids, in order, and whether any hold or pause was."""

    requests: list[str]
    holds: bool


def newest_act() -> int:
    """The number of the last entry of the audit trail, or 0."""
    last = AuditEntry.objects.order_by("-number").values_list("number", flat=True).first()
    return last or 0


def acts_after(after: int, upto: int) -> Acts:
    """What was acted on with `after < number <= upto`."""
    told = Q(act__startswith=ACT_PREFIX)
    for prefix in STOPPING:
        told |= Q(act__startswith=prefix)
    entries = AuditEntry.objects.filter(told, number__gt=after, number__lte=upto)
    acts = list(entries.order_by("number").values_list("act", "subject"))
    requests = [subject for act, subject in acts if act.startswith(ACT_PREFIX)]
    return Acts(requests, holds=len(requests) < len(acts))
