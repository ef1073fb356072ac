"""Votes: of a request that needs several approvals, all but the last leave it waiting."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.utils import timezone

from approvals.errors import AlreadyVoted, VoteNotNeeded
from approvals.models import ApprovalRequest, Vote
from approvals.policies.counting import missing, valid_votes
from approvals.policies.people import Decider
from approvals.policies.rules import Need, Rules, rules_of
from approvals.services import audit
from timestep.digests import canonical_json
from timestep.services.status import record_event


@dataclass(frozen=True)
class Counted:
    """A vote that was counted, and whether it was the last that was missing."""

    given: Vote
    last: bool


def vote(
    request: ApprovalRequest, by: User, reason: str, via: str, *, for_run: bool = False
) -> Counted | None:
    """Count an approval, in the transaction that locked the request's run.

    Returns:
        The vote; None where one approver is enough, who makes the decision.

    Raises:
        AlreadyVoted: The user has approved before.
        VoteNotNeeded: What is missing, somebody else has to approve.
    """
    rules = rules_of(request)
    if rules.approvers <= 1:
        return None
    earlier = valid_votes(request)
    before = next((given for given in earlier if given.user_id == by.pk), None)
    if before is not None:
        raise AlreadyVoted(before)
    fills = Decider(by).fills(rules)
    left = missing(rules, [*(given.fills for given in earlier), fills])
    _check_needed(request, rules, earlier, left)
    given = Vote.objects.create(
        request=request,
        user=by,
        user_name=by.get_username()[:200],
        reason=reason,
        via=via,
        arguments_digest=request.arguments_digest,
        fills=fills,
        for_run=for_run,
        at=timezone.now(),
    )
    _record(given, left)
    return Counted(given, last=not left)


def void_votes(request: ApprovalRequest, why: str) -> int:
    """Void what was voted so far, as it was about something else; returns how many votes."""
    standing = Vote.objects.filter(request=request, voided_at=None)
    return standing.update(voided_at=timezone.now(), void_reason=why)


def _check_needed(
    request: ApprovalRequest, rules: Rules, earlier: list[Vote], left: tuple[Need, ...]
) -> None:
    still = missing(rules, (given.fills for given in earlier))
    if sum(need.count for need in left) == sum(need.count for need in still):
        raise VoteNotNeeded(request.approval_id, rules.words(still))


def _record(given: Vote, left: tuple[Need, ...]) -> None:
    request = given.request
    payload = {
        "run_id": request.run_id,
        "call_id": request.call_id,
        "tool": request.tool,
        "policy": request.policy_name,
        "arguments_digest": given.arguments_digest,
        "reason": given.reason,
        "missing": rules_of(request).words(left),
        "fills": canonical_json(given.fills),
        "for_run": given.for_run,
    }
    audit.append(given.user_name, given.via, "approval.voted", request.approval_id, payload)
    event = {
        "approval_id": request.approval_id,
        "call_id": request.call_id,
        "tool": request.tool,
        "by": given.user_name,
        "missing": payload["missing"],
    }
    record_event(request.run_id, "approval.voted", event)
