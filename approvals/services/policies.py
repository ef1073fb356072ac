"""Keeping a record of what policies said, and when."""

from __future__ import annotations

from approvals.models import Policy
from approvals.policies.rules import of_policy
from approvals.services import audit
from timestep.digests import canonical_json


def record_saved(policy: Policy, by: str, via: str) -> None:
    """Write what a policy says now into the audit trail, in the transaction that saved it."""
    payload = {
        "name": policy.name,
        "position": policy.position,
        "active": policy.active,
        "agent": policy.agent,
        "tool": policy.tool,
        # As text: Postgres rewrites some numbers in JSON, and the digest must hold.
        "conditions": canonical_json(policy.conditions),
        "effect": str(policy.effect),
        "rules": canonical_json(of_policy(Policy.objects.get(pk=policy.pk)).to_json()),
    }
    audit.append(by, via, "policy.saved", _subject(policy), payload)


def record_deleted(policy: Policy, by: str, via: str) -> None:
    """Write that a policy is gone into the audit trail, in the transaction that deletes it."""
    audit.append(by, via, "policy.deleted", _subject(policy), {"name": policy.name})


def _subject(policy: Policy) -> str:
    return f"policy {policy.pk}"
