"""Requests one by one and in keyset pages: `after` is the approval id of the last row before.

Rows come with their run and, where there is one, their decision, in one query.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from approvals.errors import RequestNotFound
from approvals.models import ApprovalRequest, Decision, RequestStatus
from timestep.storable import storable_text


def pending(limit: int = 50, after: str | None = None) -> list[ApprovalRequest]:
    """What waits for a person, oldest first."""
    rows = _with_decisions().filter(status=RequestStatus.PENDING)
    if last := _row(after):
        later = Q(created_at=last.created_at, approval_id__gt=last.approval_id)
        rows = rows.filter(Q(created_at__gt=last.created_at) | later)
    return list(rows.order_by("created_at", "approval_id")[:limit])


def decided(limit: int = 50, after: str | None = None) -> list[ApprovalRequest]:
    """What waits no more, void requests included, latest first."""
    rows = _with_decisions().filter(decided_at__isnull=False)
    last = _row(after)
    if last and last.decided_at:
        earlier = Q(decided_at=last.decided_at, approval_id__lt=last.approval_id)
        rows = rows.filter(Q(decided_at__lt=last.decided_at) | earlier)
    return list(rows.order_by("-decided_at", "-approval_id")[:limit])


def recent(limit: int = 50, after: str | None = None) -> list[ApprovalRequest]:
    """All requests whatever their status, newest first (approval ids are ordered by time)."""
    rows = _with_decisions()
    if after:
        rows = rows.filter(approval_id__lt=storable_text(after))
    return list(rows.order_by("-approval_id")[:limit])


def get(approval_id: str) -> ApprovalRequest:
    """The request with this id. Raises RequestNotFound."""
    found = _with_decisions().filter(approval_id=storable_text(approval_id)).first()
    if found is None:
        raise RequestNotFound(approval_id)
    return found


def for_run(run_id: str) -> list[ApprovalRequest]:
    """All requests of a run, in the order they were made."""
    rows = _with_decisions().filter(run_id=run_id)
    return list(rows.order_by("created_at", "approval_id"))


def pending_count(cap: int = 100) -> int:
    """How many wait, counted no further than `cap`: a result of `cap` means "at least"."""
    return ApprovalRequest.objects.filter(status=RequestStatus.PENDING)[:cap].count()


def decision_of(request: ApprovalRequest) -> Decision | None:
    """The request's decision, or None where nobody decided."""
    decision: Decision | None = getattr(request, "decision", None)
    return decision


def _with_decisions() -> QuerySet[ApprovalRequest]:
    return ApprovalRequest.objects.select_related("run", "decision")


def _row(approval_id: str | None) -> ApprovalRequest | None:
    if approval_id is None:
        return None
    return ApprovalRequest.objects.filter(approval_id=storable_text(approval_id)).first()
