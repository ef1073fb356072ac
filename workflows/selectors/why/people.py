"""Whose approval a run waits for."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse

from approvals.models import ApprovalRequest, RequestKind, RequestStatus
from approvals.policies.rules import rules_of
from workflows.selectors.why.case import NAMED, Case, Mend, Reason


def asked(case: Case) -> Iterator[Reason]:
    """The calls of the run that wait for a person, and whom they ask."""
    waiting = ApprovalRequest.objects.filter(run=case.run, status=RequestStatus.PENDING)
    for request in waiting.order_by("created_at", "approval_id")[:NAMED]:
        yield _reason(request)


def _reason(request: ApprovalRequest) -> Reason:
    what = (
        "for the approval of" if request.kind == RequestKind.TOOL_CALL else "to hear what became of"
    )
    text = f"Waits {what} {request.tool}, from {rules_of(request).who}."
    link = Mend("Open the request", reverse("approval", args=[request.approval_id]))
    return Reason(
        "approval", text, since=request.created_at, until=request.deadline_at, mends=(link,)
    )
