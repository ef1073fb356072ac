"""Saving policies, and keeping a record of what they said, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import transaction

from approvals.models import Policy, PolicyNeed
from approvals.policies.checking import check_policy
from approvals.policies.rules import of_policy
from approvals.services import audit
from timestep.digests import canonical_json
from timestep.errors import InvalidInput


@transaction.atomic
def save_policy(
    policy: Policy,
    *,
    needs: Sequence[tuple[Group | None, int]] = (),
    users: Sequence[User] = (),
    by: str,
    via: str = "program",
) -> Policy:
    """Save a policy with its needs and users, and record it.

    Args:
        policy: A new policy, or one to be changed.
        needs: How many of which group approve; None stands for no group. Without needs: one.
        users: Who fills the need without a group; whoever may decide, if empty.
        by: Who saves it, for the record.
        via: From where.

    Raises:
        InvalidInput: A field cannot be used, or nobody could satisfy the policy.
    """
    try:
        policy.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise InvalidInput(field, messages[0]) from error
    check_policy(policy, needs, users)
    policy.save()
    policy.needs.all().delete()
    PolicyNeed.objects.bulk_create(
        PolicyNeed(policy=policy, group=group, count=count) for group, count in needs
    )
    policy.users.set(users)
    record_saved(policy, by, via)
    return policy


def record_saved(policy: Policy, by: str, via: str) -> None:
    """Write what a policy says now into the audit trail, in the transaction that saved it."""
    audit.append(by, via, "policy.saved", _subject(policy), says(policy))


def says(policy: Policy) -> dict[str, Any]:
    """What a policy says, as the audit trail keeps it."""
    return {
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


def record_deleted(policy: Policy, by: str, via: str) -> None:
    """Write that a policy is gone into the audit trail, in the transaction that deletes it."""
    audit.append(by, via, "policy.deleted", _subject(policy), {"name": policy.name})


def _subject(policy: Policy) -> str:
    return f"policy {policy.pk}"
