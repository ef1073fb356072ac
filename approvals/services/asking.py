"""Putting a request under rules: at opening, after an edit, and when another group is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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


def bounds_of(request: ApprovalRequest) -> dict[str, str | int | None]:
    """What the audit trail keeps of a request besides its rules: until when, and kept from whom."""
    deadline = request.deadline_at
    return {
        "deadline_at": moment_text(deadline) if deadline else None,
        "kept_from": request.kept_from_id,
    }


def moment_text(at: datetime) -> str:
    """A moment as the audit trail keeps it: UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def save_asked(request: ApprovalRequest, rules: Rules) -> None:
    """Say whom a saved request asks, so that lists of what waits for somebody find it."""
    Asked.objects.bulk_create(asked_of(request, rules))


def asked_of(request: ApprovalRequest, rules: Rules) -> list[Asked]:
    """Whom a request under these rules asks; nobody in particular where it asks everybody."""
    if rules.asks_everybody:
        return []
    rows = [Asked(request=request, group_id=group) for group in rules.groups]
    if any(need.group is None for need in rules.needs):
        rows += [Asked(request=request, user_id=user.id) for user in rules.users]
    return rows


def next_due(deadline: datetime, rules: Rules, now: datetime) -> datetime:
    """When the clock has to look at a request next: for a reminder, or when it expires."""
    reminders = (deadline - timedelta(seconds=seconds) for seconds in rules.reminders)
    return min((at for at in reminders if at > now), default=deadline)
