"""Checking a policy before it is saved: what nobody could satisfy is refused."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import Group, User

from approvals.models import Effect, OnExpiry, Policy
from approvals.policies.counting import unfillable_rules
from approvals.policies.reading import read_conditions, read_reminders
from approvals.policies.rules import Rules, of_parts
from timestep.errors import InvalidInput

MAX_APPROVERS = 20


def check_policy(
    policy: Policy, needs: Sequence[tuple[Group | None, int]], users: Sequence[User]
) -> None:
    """Refuse a policy that makes no sense, or that nobody could satisfy as people are now.

    An inactive policy may be one that nobody can satisfy: it asks nobody.

    Args:
        policy: The policy, saved or not.
        needs: How many of which group; None stands for no group.
        users: Who fills the need without a group.

    Raises:
        InvalidInput: `field` names what to mend.
    """
    read_conditions(policy.conditions)
    read_reminders(policy.reminders, policy.deadline_seconds)
    if policy.effect != Effect.ASK:
        _check_asks_nobody(policy, needs, users)
        return
    _check_needs(needs, users)
    _check_escalation(policy)
    if policy.active:
        _check_satisfiable(policy, of_parts(policy, needs, users))


def problem_with(policy: Policy, rules: Rules) -> str:
    """What nobody could satisfy of a policy as people are now; empty where somebody could."""
    agent = policy.agent if not {"*", "?", "["} & set(policy.agent) else ""
    lacking = rules.words(unfillable_rules(rules, agent))
    if lacking:
        return f"nobody could satisfy this policy: it lacks {lacking}"
    if rules.on_expiry == OnExpiry.ESCALATE and rules.escalate_to:
        later = rules.escalated()
        lacking = later.words(unfillable_rules(later, agent))
    return f"nobody could answer after the deadline: it lacks {lacking}" if lacking else ""


def _check_asks_nobody(
    policy: Policy, needs: Sequence[tuple[Group | None, int]], users: Sequence[User]
) -> None:
    given = {
        "users": users,
        "needs": needs,
        "deadline_seconds": policy.deadline_seconds,
        "allow_for_run": policy.allow_for_run,
    }
    for field, value in given.items():
        if value:
            raise InvalidInput(field, f"goes with the effect ask only, not with {policy.effect}")


def _check_needs(needs: Sequence[tuple[Group | None, int]], users: Sequence[User]) -> None:
    groups = [group for group, _ in needs]
    if len(groups) != len(set(groups)):
        raise InvalidInput("needs", "name each group once, with the number of its approvers")
    if any(count < 1 for _, count in needs):
        raise InvalidInput("needs", "ask for at least one of each group")
    if sum(count for _, count in needs) > MAX_APPROVERS:
        raise InvalidInput("needs", f"ask for at most {MAX_APPROVERS} people in all")
    if users and needs and None not in groups:
        raise InvalidInput(
            "users", "fill a need without a group: add one, or leave the users to the groups"
        )


def _check_escalation(policy: Policy) -> None:
    escalates = policy.on_expiry == OnExpiry.ESCALATE
    if escalates and policy.escalate_to is None:
        raise InvalidInput("escalate_to", "name the group that is asked after the deadline")
    if escalates and policy.deadline_seconds is None:
        raise InvalidInput("deadline_seconds", "set the deadline after which the group is asked")
    if not escalates and (policy.escalate_to or policy.escalation_seconds):
        raise InvalidInput("on_expiry", "only goes with another group where it asks one")


def _check_satisfiable(policy: Policy, rules: Rules) -> None:
    problem = problem_with(policy, rules)
    if problem:
        raise InvalidInput(
            "needs",
            f"{problem}. People count who are active, have the permission to decide, and are in "
            "the group (or are named).",
        )
