"""The audit trail as a feed: which requests were acted on after a number."""

from __future__ import annotations

from approvals.models import AuditEntry

# Acts of the audit trail that are about a request; their subject is its id.
ACT_PREFIX = "approval."


def newest_act() -> int:
    """The number of the last entry of the audit trail, or 0."""
    last = AuditEntry.objects.order_by("-number").values_list("number", flat=True).first()
    return last or 0


def acts_after(after: int, upto: int) -> list[str]:
    """The ids of the requests that were acted on with `after < number <= upto`, in order."""
    entries = AuditEntry.objects.filter(
        number__gt=after, number__lte=upto, act__startswith=ACT_PREFIX
    )
    return list(entries.order_by("number").values_list("subject", flat=True))
