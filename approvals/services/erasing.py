"""Erasing payloads of the audit trail: what was written is gone, that it was written stands."""

from __future__ import annotations

from django.db import transaction

from approvals.models import AuditEntry, RequestStatus
from approvals.models.requests import ApprovalRequest
from approvals.services import audit
from approvals.services.texts import bounded
from timestep.errors import InvalidInput

_REASON_LIMIT = 2_000


@transaction.atomic
def erase(subject: str, *, reason: str, actor: str, via: str) -> int:
    """Erase the payloads of all entries about a subject, and record that and why.

    The chain stands: it is over digests of the payloads. The request itself, its run and the run's
    events are other rows, and stay.

    Args:
        subject: What the entries are about: an approval id.
        reason: Why; recorded.
        actor: Who erases.
        via: From where.

    Returns:
        How many payloads were erased.

    Raises:
        InvalidInput: No reason is given, nothing is there to erase, or it still waits.
    """
    if not reason.strip():
        raise InvalidInput("reason", "say why the payloads are erased; it is recorded")
    waiting = ApprovalRequest.objects.filter(approval_id=subject, status=RequestStatus.PENDING)
    if waiting.exists():
        raise InvalidInput("subject", f"{subject} still waits for a person; decide it first")
    written = AuditEntry.objects.filter(subject=subject, payload__isnull=False)
    erased = written.exclude(act=audit.ERASED).update(payload=None)
    if not erased:
        raise InvalidInput("subject", f"no entry about {subject} has a payload")
    payload = {"payloads": erased, "reason": bounded(reason.strip(), _REASON_LIMIT)}
    audit.append(actor, via, audit.ERASED, subject, payload)
    return erased
