"""Who may decide a request, who it waits for, and whether anybody can."""

from __future__ import annotations

from functools import cached_property

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet

from approvals.access import deciding, may, may_decide_for
from approvals.models import ApprovalRequest, Asked, Vote
from approvals.policies.alone import Alone, alone
from approvals.policies.rules import Rules, rules_of

PERMISSION = "approvals.decide_approvalrequest"


class Decider:
    """A person looking at requests: what is asked of the database about them is asked once."""

    def __init__(self, user: User) -> None:
        self.user = user

    @cached_property
    def groups(self) -> frozenset[int]:
        """Ids of the user's groups."""
        return frozenset(self.user.groups.values_list("pk", flat=True))

    @cached_property
    def alone(self) -> Alone:
        """Where nobody else may decide."""
        return alone(self.user)

    def why_not(self, request: ApprovalRequest) -> str:
        """Empty where the user may decide the request, or the reason why not."""
        if not may(self.user, "decide", request.agent):
            return f"that needs the permission {PERMISSION}, or access to {request.agent}"
        if self._is_kept_out(request):
            return _four_eyes(request)
        rules = rules_of(request)
        if request.asks_everybody or self.fills(rules):
            return ""
        return f"policy “{rules.policy}” asks {rules.who}"

    def fills(self, rules: Rules) -> list[int | None]:
        """What an approval by this user counts for: ids of groups; None for needs without one."""
        open_to = {user.id for user in rules.users}
        return [
            need.group.id if need.group else None
            for need in rules.needs
            if (need.group.id in self.groups if need.group else _is_open(open_to, self.user.pk))
        ]

    def waiting(self) -> Q:
        """What of the pending requests waits for this user, as a filter of approval requests.

        Those that they may decide, and have not voted on.
        """
        here = Asked.objects.filter(request=OuterRef("pk"))
        mine = here.filter(Q(user=self.user) | Q(group__in=self.groups))
        voted = Vote.objects.filter(request=OuterRef("pk"), user=self.user, voided_at=None)
        kept_out = Q(kept_from=self.user) & ~(Q(policy_name="") & self.alone.requests())
        asked = Q(asks_everybody=True) | Q(Exists(mine))
        return deciding(self.user) & asked & ~kept_out & ~Q(Exists(voted))

    def _is_kept_out(self, request: ApprovalRequest) -> bool:
        """Whether four eyes keep the user from the request."""
        if request.kept_from_id is None or request.kept_from_id != self.user.pk:
            return False
        return bool(request.policy_name) or not self.alone.with_calls_of(request.agent)


def may_decide(request: ApprovalRequest, user: User) -> str:
    """Whether a user may decide a request.

    Where many are looked at, make one `Decider` and ask it.

    Returns:
        Nothing if they may; otherwise the reason why not, as the end of a sentence.
    """
    return Decider(user).why_not(request)


def deciders(request: ApprovalRequest) -> QuerySet[User]:
    """Those who may decide a request now, whoever voted already."""
    people = may_decide_for(request.agent)
    if not request.asks_everybody:
        rules = rules_of(request)
        named = [user.id for user in rules.users]
        people = people.filter(Q(pk__in=named) | Q(groups__in=rules.groups)).distinct()
    if request.kept_from_id is None:
        return people
    # Only the built-in rule lets somebody who is alone decide what they launched.
    others = people.exclude(pk=request.kept_from_id)
    return others if request.policy_name or others.exists() else people


def _is_open(named: set[int], user_id: int) -> bool:
    """Whether a need without a group is open to a user."""
    return not named or user_id in named


def _four_eyes(request: ApprovalRequest) -> str:
    asks = f"policy “{request.policy_name}”" if request.policy_name else "the built-in rule"
    return f"you launched this run, and {asks} asks for somebody else"
