"""Policies as people read them, and requests that nobody can satisfy any more."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Min

from approvals.access import Sight
from approvals.models import ApprovalRequest, Effect, Policy, RequestStatus
from approvals.policies.checking import problem_with
from approvals.policies.conditions import Condition
from approvals.policies.counting import unfillable, valid_votes
from approvals.policies.reading import read_conditions
from approvals.policies.rules import Rules, of_policy, rules_of
from timestep.errors import InvalidInput

MOST_POLICIES = 500
# Pending requests that differ in their rules, launcher or agent, and so in who could decide.
_MOST_KINDS = 200


@dataclass(frozen=True)
class PolicyLine:
    """A policy with its conditions and people in words, and what is wrong with it by now."""

    policy: Policy
    rules: Rules
    conditions: list[Condition]
    problem: str

    @property
    def asks(self) -> bool:
        """Whether it asks people."""
        return self.policy.effect == Effect.ASK


@dataclass(frozen=True)
class Stuck:
    """A request that nobody can satisfy, and what it lacks."""

    request: ApprovalRequest
    lacks: str


def policy_lines() -> list[PolicyLine]:
    """All policies in the order in which they are read."""
    rows = Policy.objects.select_related("escalate_to").prefetch_related("needs__group", "users")
    return [_line(policy) for policy in rows[:MOST_POLICIES]]


def stuck_requests(sight: Sight, limit: int = 50) -> list[Stuck]:
    """Pending requests that nobody can satisfy as people and groups are now.

    Args:
        sight: Whose runs are looked at.
        limit: How many at most.
    """
    pending = ApprovalRequest.objects.filter(sight.requests(), status=RequestStatus.PENDING)
    alike = ("rules_digest", "kept_from", "agent")
    kinds = pending.order_by().values(*alike).annotate(first=Min("approval_id"))
    found: list[Stuck] = []
    for kind in kinds.order_by("first")[:_MOST_KINDS]:
        if len(found) >= limit:
            break
        if unfillable(ApprovalRequest.objects.get(pk=kind["first"])):
            rows = pending.filter(**{name: kind[name] for name in alike})
            found += _stuck(list(rows.order_by("approval_id")[: limit - len(found)]))
    return found


def _stuck(requests: list[ApprovalRequest]) -> list[Stuck]:
    """Those of the requests that lack something even with the votes that they have."""
    found = ((request, unfillable(request, valid_votes(request))) for request in requests)
    return [Stuck(request, rules_of(request).words(lacks)) for request, lacks in found if lacks]


def _line(policy: Policy) -> PolicyLine:
    rules = of_policy(policy)
    try:
        conditions, problem = read_conditions(policy.conditions), ""
    except InvalidInput as error:  # Not saved by a form of ours.
        conditions, problem = [], str(error)
    if not problem and policy.active and policy.effect == Effect.ASK:
        problem = problem_with(policy, rules)
    return PolicyLine(policy, rules, conditions, problem)
