"""The JSON form of approval requests, the same on the command line and wherever programs look."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from approvals.masking import masked
from approvals.models import ApprovalRequest
from approvals.selectors import decision_of


def request_as_json(request: ApprovalRequest) -> dict[str, Any]:
    """A request as programs see it, masked, and its decision; times are ISO 8601 in UTC or null."""
    shown: dict[str, Any] = masked(_as_json(request))
    return shown


def _as_json(request: ApprovalRequest) -> dict[str, Any]:
    decision = decision_of(request)
    return {
        "approval_id": request.approval_id,
        "run_id": request.run_id,
        "kind": request.kind,
        "agent": request.agent,
        "tool": request.tool,
        "arguments": request.arguments,
        "edited_arguments": request.edited_arguments,
        "arguments_digest": request.arguments_digest,
        "preview": request.preview,
        "policy": request.policy_name,
        "why": request.why,
        "status": request.status,
        "created_at": _iso(request.created_at),
        "deadline_at": _iso(request.deadline_at) if request.deadline_at else None,
        "decided_by": decision.decided_by_name if decision else None,
        "decided_at": _iso(decision.decided_at) if decision else None,
        "outcome": decision.outcome if decision else None,
        "reason": decision.reason if decision else None,
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
