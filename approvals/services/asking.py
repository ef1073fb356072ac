"""Putting a request under rules: at opening, after an edit, and when another group is asked."""

from __future__ import annotations

from datetime import datetime, timedelta

from approvals.models import ApprovalRequest, Asked, RequestKind
from approvals.policies.rules import Rules

FIELDS = (
    "policy_name",
    "rules",
    "rules_digest",
    "why",
    "asks_everybody",
    "kept_from",
    "deadline_at",
    "due_at",
)


def put_under(
    request: ApprovalRequest,
    rules: Rules,
    why: str,
    launcher_id: int | None,
    deadline_from: datetime,
) -> None:
    """Set what a request keeps of its rules; the caller saves `FIELDS`, then `save_asked`.

    Args:
        request: The request.
        rules: What decides it from now on.
        why: Why it is asked.
        launcher_id: Who launched the run, if a person did.
        deadline_from: When the time to decide begins.
    """
    request.policy_name, request.rules = rules.policy, rules.to_json()
    request.rules_digest, request.why = rules.digest, why
    request.asks_everybody = rules.asks_everybody
    request.kept_from_id = launcher_id if rules.four_eyes else None
    request.deadline_at = request.due_at = None
    # An unknown outcome has no deadline: rejecting it would say nothing of what happened.
    if rules.deadline_seconds and request.kind == RequestKind.TOOL_CALL:
        request.deadline_at = deadline_from + timedelta(seconds=rules.deadline_seconds)
        request.due_at = next_due(request.deadline_at, rules, deadline_from)


def save_asked(request: ApprovalRequest, rules: Rules) -> None:
    """Say whom a saved request asks, so that lists of what waits for somebody find it."""
    if rules.asks_everybody:
        return
    rows = [Asked(request=request, group_id=group) for group in rules.groups]
    if any(need.group is None for need in rules.needs):
        rows += [Asked(request=request, user_id=user.id) for user in rules.users]
    Asked.objects.bulk_create(rows)


def next_due(deadline: datetime, rules: Rules, now: datetime) -> datetime:
    """When the clock has to look at a request next: for a reminder, or when it expires."""
    reminders = (deadline - timedelta(seconds=seconds) for seconds in rules.reminders)
    return min((at for at in reminders if at > now), default=deadline)
