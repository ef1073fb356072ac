"""Editing the arguments of a call before it is approved."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from approvals.errors import DeniedByPolicy
from approvals.models import ApprovalRequest
from approvals.policies.matching import Call, judge
from approvals.policies.rules import rules_of
from approvals.services import audit
from approvals.services.asking import FIELDS, bounds_of, put_under, save_asked
from approvals.services.schemas import checked
from approvals.services.votes import void_votes
from timestep.digests import canonical_json, digest
from timestep.errors import InvalidInput
from timestep.masking import MASK
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
        DeniedByPolicy: A policy denies the call with these arguments.
    """
    value = checked(request, arguments)
    _refuse_mask(request, value)
    if digest(value) == request.arguments_digest:
        return False
    request.arguments_digest = digest(value)
    proposed = digest(request.arguments) == request.arguments_digest
    request.edited_arguments = None if proposed else value
    _reconsider(request, value)
    request.save(update_fields=["arguments_digest", "edited_arguments", *FIELDS, "escalated_at"])
    void_votes(request, f"{by} edited the arguments")
    _record(request, value, by, via)
    return True


def _refuse_mask(request: ApprovalRequest, value: Any) -> None:
    """Refuse to make a call with what stands in the place of a value that is not shown."""
    if MASK in canonical_json(value) and MASK not in canonical_json(request.arguments):
        raise InvalidInput("arguments", f"hold {MASK} in place of what is not shown; type it anew")


def _reconsider(request: ApprovalRequest, value: Any) -> None:
    """Put the request under the policy that the call meets now."""
    found = judge(Call(request.agent, request.tool, value), asks=True)
    if found.verdict == "deny":
        raise DeniedByPolicy(request.approval_id, found.why)
    rules, before = found.rules, rules_of(request)
    request.why = found.why
    if rules.policy_id == before.policy_id and (request.escalated_at or rules == before):
        return  # Of the same policy nothing begins anew: neither its time, nor its first group's.
    request.escalated_at = None
    put_under(request, rules, found.why, request.run.launched_by_id, timezone.now())
    request.asked.all().delete()
    save_asked(request, rules)


def _record(request: ApprovalRequest, value: Any, by: str, via: str) -> None:
    payload = {
        "run_id": request.run_id,
        "call_id": request.call_id,
        "tool": request.tool,
        # As text: Postgres rewrites some numbers in JSON, and the digest must hold.
        "proposed": canonical_json(request.arguments),
        "arguments": canonical_json(value),
        "arguments_digest": request.arguments_digest,
        "policy": request.policy_name,
        "rules": canonical_json(request.rules),
        **bounds_of(request),
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
