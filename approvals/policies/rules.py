"""The rules of a request: what its policy said at the time of asking, kept with the request.

A policy that is edited or deleted later changes nothing of what waits already.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.contrib.auth.models import Group, User
from django.db.models import prefetch_related_objects

from approvals.models import ApprovalRequest, OnExpiry, Policy
from timestep.digests import digest


@dataclass(frozen=True)
class Named:
    """A group or a user as a snapshot keeps it: found by its id, shown by its name."""

    id: int
    name: str


@dataclass(frozen=True)
class Need:
    """So many approvers of a group; without a group, of the policy's users or of everybody."""

    group: Named | None = None
    count: int = 1

    def __str__(self) -> str:
        return f"{self.count} of {self.group.name}" if self.group else str(self.count)


@dataclass(frozen=True)
class Rules:
    """What decides a request. Without a policy: one approver, four eyes where there are four."""

    policy_id: int | None = None
    policy: str = ""
    needs: tuple[Need, ...] = (Need(),)
    users: tuple[Named, ...] = ()
    four_eyes: bool = True
    allow_for_run: bool = False
    deadline_seconds: int | None = None
    on_expiry: str = OnExpiry.REJECT
    escalate_to: Named | None = None
    escalation_seconds: int | None = None
    reminders: tuple[int, ...] = ()

    @property
    def approvers(self) -> int:
        """How many people have to approve."""
        return sum(need.count for need in self.needs)

    @property
    def groups(self) -> tuple[int, ...]:
        """The groups that are asked."""
        return tuple(need.group.id for need in self.needs if need.group)

    @property
    def asks_everybody(self) -> bool:
        """Whether whoever may decide at all may decide this."""
        return not self.users and any(need.group is None for need in self.needs)

    @property
    def who(self) -> str:
        """Who may decide, in words: `2 of Finance and 1 of ana, bo`."""
        return self.words(self.needs)

    def words(self, needs: Iterable[Need]) -> str:
        """Needs of these rules in words; nothing where there are none."""
        return " and ".join(self._in_words(need) for need in needs)

    def _in_words(self, need: Need) -> str:
        if need.group is not None:
            return str(need)
        names = ", ".join(user.name for user in self.users)
        return f"{need.count} of {names or 'those who may decide'}"

    @property
    def digest(self) -> str:
        """Equal for rules that say the same."""
        return digest(self.to_json())

    def escalated(self) -> Rules:
        """What decides after the deadline: one of the other group, or a rejection in the end."""
        return replace(
            self,
            needs=(Need(self.escalate_to),),
            users=(),
            deadline_seconds=self.escalation_seconds or self.deadline_seconds,
            on_expiry=OnExpiry.REJECT,
        )

    def to_json(self) -> dict[str, Any]:
        """The snapshot as a request keeps it; nothing where no policy said anything."""
        return asdict(self) if self.policy else {}


BUILT_IN = Rules()


def rules_of(request: ApprovalRequest) -> Rules:
    """The rules that a request was opened, edited or escalated under."""
    return from_json(request.rules)


def from_json(kept: dict[str, Any]) -> Rules:
    """Rules from their snapshot."""
    if not kept:
        return BUILT_IN
    nested = {
        "needs": tuple(Need(_named(need["group"]), need["count"]) for need in kept["needs"]),
        "users": tuple(Named(**user) for user in kept["users"]),
        "escalate_to": _named(kept["escalate_to"]),
        "reminders": tuple(kept["reminders"]),
    }
    return Rules(**(kept | nested))


def of_policy(policy: Policy) -> Rules:
    """The rules of a saved policy as it stands now."""
    prefetch_related_objects([policy], "needs__group", "users")
    needs = [(need.group, need.count) for need in policy.needs.all()]
    return of_parts(policy, needs, policy.users.all())


def of_parts(
    policy: Policy, needs: Iterable[tuple[Group | None, int]], users: Iterable[User]
) -> Rules:
    """The rules of a policy that has these needs and users: one approver where there is no need."""
    group = policy.escalate_to
    return Rules(
        policy_id=policy.pk,
        policy=policy.name,
        needs=tuple(Need(_of_group(of), count) for of, count in needs) or (Need(),),
        users=tuple(Named(user.pk, user.get_username()) for user in users),
        four_eyes=policy.four_eyes,
        allow_for_run=policy.allow_for_run,
        deadline_seconds=policy.deadline_seconds,
        on_expiry=policy.on_expiry,
        escalate_to=_of_group(group),
        escalation_seconds=policy.escalation_seconds,
        reminders=tuple(sorted(policy.reminders, reverse=True)),
    )


def _of_group(group: Group | None) -> Named | None:
    return Named(group.pk, group.name) if group else None


def _named(kept: dict[str, Any] | None) -> Named | None:
    return Named(**kept) if kept else None
