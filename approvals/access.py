"""Who may see and do what: roles for all agents, and rows of `AgentAccess` for one agent.

An agent without rows follows the roles (Django's permissions, by user or group). An agent with
rows is for the people whom they name, whatever their role, and for those who may access every
agent. Whoever launched a run sees it and may cancel it. Pages, sockets, the admin and search ask
here; a shell does not: whoever has one may read the database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q, QuerySet

from approvals.models import AgentAccess, ApprovalRequest
from timestep.models import Run

Act = Literal["see", "launch", "cancel", "retry", "decide"]

ACTS: tuple[Act, ...] = get_args(Act)
EVERY_AGENT = "approvals.access_every_agent"
PERMISSIONS: dict[Act, str] = {
    "see": "timestep.view_run",
    "launch": "timestep.launch_run",
    "cancel": "timestep.cancel_run",
    "retry": "timestep.retry_run",
    "decide": "approvals.decide_approvalrequest",
}
_KEPT_AS = "_timestep_grants"
_LAUNCHING: frozenset[Act] = frozenset({"launch", "cancel", "retry"})


@dataclass(frozen=True)
class Sight:
    """Which runs a person sees; equal for people who see the same.

    `of_all`: every agent's but `agents`; else those of `agents` only. `user_id` sees, besides, what
    it launched, and what `decided` agents ask; None where that adds nothing.
    """

    of_all: bool
    agents: frozenset[str] = frozenset()
    user_id: int | None = None
    decided: frozenset[str] = frozenset()

    @property
    def unlimited(self) -> bool:
        """Whether every run is seen."""
        return self.of_all and not self.agents

    @property
    def name(self) -> str:
        """A text that is the same for those who see the same."""
        kept = ",".join(sorted(self.agents))
        return f"{self.of_all}:{self.user_id}:{kept}"

    def sees(self, agent: str) -> bool:
        """Whether runs of this agent are seen."""
        return (agent in self.agents) != self.of_all

    def agents_in(self, field: str) -> Q:
        """The condition on rows of whatever has an agent's slug in this field."""
        if self.unlimited:
            return Q()
        named = Q(**{f"{field}__in": sorted(self.agents)})
        return ~named if self.of_all else named

    def runs(self, prefix: str = "") -> Q:
        """The condition on runs; `prefix` leads to the run, as in `run__`."""
        if self.unlimited:
            return Q()
        seen = self.agents_in(f"{prefix}agent")
        # Not a comparison with None: that would find what nobody launched.
        return seen | Q(**{f"{prefix}launched_by": self.user_id}) if self.user_id else seen

    def requests(self) -> Q:
        """The condition on approval requests: those of runs that are seen, and those to decide."""
        if self.unlimited:
            return Q()
        return self.runs("run__") | Q(agent__in=sorted(self.decided))


# What a shell sees, and whoever may access every agent.
EVERYTHING = Sight(of_all=True)


@dataclass(frozen=True)
class _Grants:
    """The agents that are for some people only, and what this person may do with them."""

    kept: frozenset[str] = frozenset()
    mine: dict[str, frozenset[Act]] = field(default_factory=dict)


def may(user: User | AnonymousUser, act: Act, agent: str) -> bool:
    """Whether the person may do this with the agent.

    Args:
        user: Who asks.
        act: `see`, `launch`, `cancel`, `retry` or `decide`.
        agent: The slug.
    """
    if not user.is_active:
        return False
    grants = _grants(user)
    if agent in grants.kept:
        return act in grants.mine.get(agent, ())
    return _by_role(user, act)


def may_with_run(user: User | AnonymousUser, act: Act, run: Run) -> bool:
    """Whether the person may do this with the run, which must be one that they see."""
    own = user.is_active and run.launched_by_id is not None and run.launched_by_id == user.pk
    if own and act in ("see", "cancel"):
        return True
    seen = own or may(user, "see", run.agent)
    return seen and may(user, act, run.agent)


def acts_with_run(user: User | AnonymousUser, run: Run) -> frozenset[str]:
    """What the person may do with a run that they see, for its page."""
    acts: set[str] = {act for act in ACTS if may_with_run(user, act, run)}
    # A card of the run may be another agent's, and says itself whom it waits for.
    acts |= {"decide"} if deciding(user) != Q(agent__in=[]) else set()
    acts |= {"traceback"} if user.has_perm("timestep.view_traceback") else set()
    return frozenset(acts)


def sight_of(user: User | AnonymousUser) -> Sight:
    """Which runs the person sees."""
    if not user.is_active or user.pk is None:
        return Sight(of_all=False)
    grants = _grants(user)
    if _by_role(user, "see"):
        barred = grants.kept - grants.mine.keys()
        if not barred:
            return Sight(of_all=True)
        return Sight(True, barred, user.pk, _decided(grants))
    return Sight(False, frozenset(grants.mine), user.pk, _decided(grants))


def visible_requests(user: User | AnonymousUser) -> QuerySet[ApprovalRequest]:
    """The approval requests that the person sees."""
    return ApprovalRequest.objects.filter(sight_of(user).requests())


def deciding(user: User | AnonymousUser) -> Q:
    """The condition on approval requests whose agents the person may decide for."""
    grants = _grants(user)
    granted = Q(agent__in=sorted(_decided(grants)))
    if not _by_role(user, "decide"):
        return granted
    return granted | ~Q(agent__in=sorted(grants.kept)) if grants.kept else Q()


def may_decide_for(agent: str) -> QuerySet[User]:
    """The active users who may decide for an agent."""
    people: QuerySet[User] = get_user_model().objects.all()
    able = permitted(PERMISSIONS["decide"])
    rows = list(AgentAccess.objects.filter(agent=agent))
    if not rows:
        return able
    users = [row.user_id for row in rows if row.decides and row.user_id]
    groups = [row.group_id for row in rows if row.decides and row.group_id]
    named = people.filter(Q(pk__in=users) | Q(groups__in=groups), is_active=True).values("pk")
    every = permitted(EVERY_AGENT).values("pk")
    return people.filter(Q(pk__in=named) | (Q(pk__in=able.values("pk")) & Q(pk__in=every)))


def permitted(permission: str) -> QuerySet[User]:
    """The active users with a permission, of their own or by a group."""
    backend = "django.contrib.auth.backends.ModelBackend"
    people: QuerySet[User] = get_user_model().objects.with_perm(permission, backend=backend)
    return people


def _by_role(user: User | AnonymousUser, act: Act) -> bool:
    """Whoever may act on runs sees them."""
    if act == "see":
        return any(user.has_perm(permission) for permission in PERMISSIONS.values())
    return user.has_perm(PERMISSIONS[act])


def _decided(grants: _Grants) -> frozenset[str]:
    return frozenset(agent for agent, acts in grants.mine.items() if "decide" in acts)


def _grants(user: User | AnonymousUser) -> _Grants:
    """Kept with the user, as Django keeps permissions: for one request."""
    kept: _Grants | None = getattr(user, _KEPT_AS, None)
    if kept is None:
        kept = _Grants() if user.has_perm(EVERY_AGENT) else _read_grants(user)
        setattr(user, _KEPT_AS, kept)
    return kept


def _read_grants(user: User | AnonymousUser) -> _Grants:
    agents = frozenset(AgentAccess.objects.order_by().values_list("agent", flat=True).distinct())
    if not agents:
        return _Grants()
    mine: dict[str, frozenset[Act]] = {}
    for row in AgentAccess.objects.filter(Q(user=user.pk) | Q(group__user=user.pk)).distinct():
        acts: set[Act] = {"see"}
        acts |= _LAUNCHING if row.launches else set()
        acts |= {"decide"} if row.decides else set()
        mine[row.agent] = mine.get(row.agent, frozenset()) | acts
    return _Grants(agents, mine)
