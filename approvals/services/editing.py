"""Editing the arguments of a call before it is approved."""

from __future__ import annotations

from typing import Any

from approvals.models import ApprovalRequest
from approvals.services import audit
from approvals.services.schemas import checked
from timestep.digests import canonical_json, digest
from timestep.services.status import record_event


def edit(request: ApprovalRequest, arguments: Any, by: str, via: str) -> bool:
    """Change what would be executed, in the transaction that locked the request's run.

    Args:
        request: The pending request.
        arguments: The whole arguments, as they shall be.
        by: Who changes them.
        via: From where.

    Returns:
        Whether anything changed.

    Raises:
        InvalidInput: The tool does not take these arguments.
    """
    value = checked(request, arguments)
    if digest(value) == request.arguments_digest:
        return False
    request.arguments_digest = digest(value)
    proposed = digest(request.arguments) == request.arguments_digest
    request.edited_arguments = None if proposed else value
    request.save(update_fields=["arguments_digest", "edited_arguments"])
    _record(request, value, by, via)
    return True


def _record(request: ApprovalRequest, value: Any, by: str, via: str) -> None:
    payload = {
        "run_id": request.run_id,
        "call_id": request.call_id,
        "tool": request.tool,
        # As text: Postgres rewrites some numbers in JSON, and the digest must hold.
        "proposed": canonical_json(request.arguments),
        "arguments": canonical_json(value),
        "arguments_digest": request.arguments_digest,
    }
    audit.append(by, via, "approval.edited", request.approval_id, payload)
    event = {
        "approval_id": request.approval_id,
        "call_id": request.call_id,
        "tool": request.tool,
        "arguments": payload["arguments"],
        "by": by,
    }
    record_event(request.run_id, "approval.edited", event)
