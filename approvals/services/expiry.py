"""The clock of deadlines: reminds people, asks another group, or expires; it never approves.

Every worker calls `expire_due`. What a moment asks for is done under the run's lock, where the
clock finds out whether somebody has decided, or another worker was here before.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import OperationalError, transaction

from approvals.models import (
    EXPIRED_OUTCOME,
    ApprovalRequest,
    Decision,
    NoticeKind,
    OnExpiry,
    RequestStatus,
)
from approvals.policies.rules import Rules, rules_of
from approvals.services import audit
from approvals.services.asking import FIELDS, bounds_of, next_due, put_under, save_asked
from approvals.services.decisions import record, resume_if_complete
from approvals.services.notices import tell
from approvals.services.pending import held
from approvals.services.votes import void_votes
from timestep.errors import TimestepError
from timestep.models import ENDED_STATUSES
from timestep.postgres import is_locked
from timestep.services.database_clock import database_now
from timestep.services.status import record_event

logger = logging.getLogger(__name__)

THE_DEADLINE = "the deadline"
VIA_EXPIRY = "expiry"
# So many at one call, each in a transaction of its own: other clocks wait for this one.
_BATCH = 100


def expire_due(now: datetime | None = None) -> float | None:
    """Do what deadlines and reminders ask for; any number of workers may, at the same time.

    Returns:
        Seconds until the next moment (0 if more may be due), or None where nothing has one.
    """
    moment = now or database_now()
    waiting = ApprovalRequest.objects.filter(status=RequestStatus.PENDING, due_at__isnull=False)
    soonest = waiting.order_by("due_at").values_list("approval_id", "due_at")
    rows = [(pk, due) for pk, due in soonest[:_BATCH] if due is not None]
    for approval_id, due in rows:
        if due > moment:
            return (due - moment).total_seconds()
        _settle(approval_id, moment)
    return 0.0 if rows else None


def _settle(approval_id: str, now: datetime) -> None:
    """What is due of one request. One that cannot be settled does not hold up the others."""
    try:
        with transaction.atomic():
            _act(held(approval_id), now)
    except OperationalError as error:
        # Whoever holds it may stand still, and the other requests have deadlines as well.
        if not is_locked(error):
            raise
    except TimestepError as error:
        logger.warning("the deadline of request %s changes nothing: %s", approval_id, error)
        ApprovalRequest.objects.filter(approval_id=approval_id).update(due_at=None)


def _act(request: ApprovalRequest, now: datetime) -> None:
    deadline, due = request.deadline_at, request.due_at
    if request.status != RequestStatus.PENDING or due is None or due > now or deadline is None:
        return  # Somebody was faster.
    rules = rules_of(request)
    if request.run.status in ENDED_STATUSES:
        request.due_at = None
        request.save(update_fields=["due_at"])
    elif deadline > now:
        _remind(request, rules, deadline, now)
    elif _escalates(request, rules):
        _escalate(request, rules, now)
    else:
        _expire(request, now)


def _remind(request: ApprovalRequest, rules: Rules, deadline: datetime, now: datetime) -> None:
    left = sum(1 for seconds in rules.reminders if seconds < (deadline - now).total_seconds())
    number = len(rules.reminders) - left
    number += len(rules.reminders) * bool(request.escalated_at)
    tell([request], NoticeKind.REMINDER, number=number)
    request.due_at = next_due(deadline, rules, now)
    request.save(update_fields=["due_at"])


def _escalates(request: ApprovalRequest, rules: Rules) -> bool:
    to_ask = rules.on_expiry == OnExpiry.ESCALATE and rules.escalate_to is not None
    return to_ask and request.escalated_at is None


def _escalate(request: ApprovalRequest, rules: Rules, now: datetime) -> None:
    """Ask the other group, in place of those who were asked."""
    before, after = rules.who, rules.escalated()
    put_under(request, after, request.why, request.run.launched_by_id, now)
    request.escalated_at = now
    request.claimed_by = request.claimed_at = request.handed_to = None
    fields = [*FIELDS, "escalated_at", "claimed_by", "claimed_at", "handed_to"]
    request.save(update_fields=fields)
    request.asked.all().delete()
    save_asked(request, after)
    void_votes(request, "another group is asked")
    tell([request], NoticeKind.ESCALATED)
    event = {
        "approval_id": request.approval_id,
        "call_id": request.call_id,
        "tool": request.tool,
        "asked_before": before,
        "asks": after.who,
    }
    record_event(request.run_id, "approval.escalated", event)
    payload = {"run_id": request.run_id, "policy": rules.policy} | event | bounds_of(request)
    audit.append(THE_DEADLINE, VIA_EXPIRY, "approval.escalated", request.approval_id, payload)


def _expire(request: ApprovalRequest, now: datetime) -> None:
    """Close it as expired: the call is not made, and nobody is said to have rejected it."""
    asked = rules_of(request).who
    decision = Decision(
        request=request,
        outcome=EXPIRED_OUTCOME,
        reason=f"Nobody approved it in time; {asked} had been asked.",
        decided_by_name=THE_DEADLINE,
        via=VIA_EXPIRY,
        decided_at=now,
    )
    record(decision, RequestStatus.EXPIRED)
    resume_if_complete(request)
