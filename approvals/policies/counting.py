"""Counting approvals: who fills which need, what is missing, and whether anybody could fill it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from approvals.access import may_decide_for
from approvals.models import ApprovalRequest, Vote
from approvals.policies.people import deciders
from approvals.policies.rules import Need, Rules, rules_of

# What one approval counts for: ids of groups, and None for needs without a group.
Fills = Sequence[int | None]


def missing(rules: Rules, approvals: Iterable[Fills]) -> tuple[Need, ...]:
    """What of the needs is left when each approval fills one of them, as many as can be filled."""
    slots = [index for index, need in enumerate(rules.needs) for _ in range(need.count)]
    taken = _assigned([_key(rules.needs[index]) for index in slots], list(approvals))
    left = [0] * len(rules.needs)
    for slot, index in enumerate(slots):
        left[index] += slot not in taken
    pairs = zip(rules.needs, left, strict=True)
    return tuple(Need(need.group, count) for need, count in pairs if count)


def valid_votes(request: ApprovalRequest) -> list[Vote]:
    """The votes that count: those on the arguments as they are now."""
    votes = Vote.objects.filter(request=request, voided_at=None)
    return list(votes.filter(arguments_digest=request.arguments_digest))


def unfillable(request: ApprovalRequest, votes: Sequence[Vote] = ()) -> tuple[Need, ...]:
    """What of a pending request nobody can fill, as people and groups are now.

    Args:
        request: The request.
        votes: Its valid votes, which stay whoever has left since.
    """
    rules = rules_of(request)
    people = deciders(request).exclude(pk__in=[vote.user_id for vote in votes if vote.user_id])
    return missing(rules, [*(vote.fills for vote in votes), *_fills_of(rules, people)])


def unfillable_rules(rules: Rules, agent: str = "") -> tuple[Need, ...]:
    """What of a policy's needs nobody could fill.

    Args:
        rules: What the policy says.
        agent: For calls of this agent; empty for one that everybody with the role may decide for.
    """
    return missing(rules, _fills_of(rules, may_decide_for(agent)))


def _fills_of(rules: Rules, people: QuerySet[User]) -> list[Fills]:
    """What people could fill; of each need's no more than could ever be necessary."""
    found: dict[int, list[int | None]] = {}
    for need in rules.needs:
        for pk in _candidates(need, rules, people).values_list("pk", flat=True)[: rules.approvers]:
            found.setdefault(pk, []).append(_key(need))
    return list(found.values())


def _candidates(need: Need, rules: Rules, people: QuerySet[User]) -> QuerySet[User]:
    if need.group is not None:
        among = Q(groups=need.group.id)
    else:
        among = Q(pk__in=[user.id for user in rules.users]) if rules.users else Q()
    return people.filter(among).order_by("pk").distinct()


def _key(need: Need) -> int | None:
    return need.group.id if need.group else None


def _assigned(slots: Sequence[int | None], approvals: Sequence[Fills]) -> dict[int, int]:
    """Slot by slot the approval that fills it: as many slots as can be filled at once."""
    taken: dict[int, int] = {}

    def place(approval: int, tried: set[int]) -> bool:
        for slot, key in enumerate(slots):
            if key not in approvals[approval] or slot in tried:
                continue
            tried.add(slot)
            if slot not in taken or place(taken[slot], tried):
                taken[slot] = approval
                return True
        return False

    for approval in range(len(approvals)):
        place(approval, set())
    return taken
