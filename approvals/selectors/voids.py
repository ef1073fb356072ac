"""Why requests are void: what or who closed them before anybody decided, as the trail has it."""

from __future__ import annotations

from collections.abc import Iterable

from approvals.models import ApprovalRequest, AuditEntry, RequestStatus
from approvals.services.programs import SUPERSEDED

_ENDED = {"failed": "failed", "timed_out": "timed out", "succeeded": "ended"}
_ENDED_FIRST = "The run ended before anyone decided"
_UNKNOWN = f"{_ENDED_FIRST}, or a program resumed it."


def why_void(requests: Iterable[ApprovalRequest]) -> dict[str, str]:
    """A sentence for each void request, by its id; one query for all of them."""
    void = {one.pk: one for one in requests if one.status == RequestStatus.VOID}
    entries = AuditEntry.objects.filter(subject__in=list(void), act="approval.void")
    told = {entry.subject: _told(void[entry.subject], entry) for entry in entries}
    return {pk: told.get(pk, _UNKNOWN) for pk in void}


def _told(request: ApprovalRequest, entry: AuditEntry) -> str:
    reason = str((entry.payload or {}).get("reason", ""))
    if reason == SUPERSEDED:
        return f"{entry.actor} resumed the run and left this call open: it was asked about anew."
    if reason == "cancelled":
        by = f" by {request.run.cancelled_by}" if request.run.cancelled_by else ""
        return f"{_ENDED_FIRST}: it was cancelled{by}."
    if reason in _ENDED:
        return f"{_ENDED_FIRST}: it {_ENDED[reason]}."
    return _UNKNOWN
