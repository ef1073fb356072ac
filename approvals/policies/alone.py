"""Where somebody is the only one who may decide: the built-in rule lets them decide their own."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Q

from approvals.access import EVERY_AGENT, PERMISSIONS, permitted
from approvals.models import AgentAccess


@dataclass(frozen=True)
class Alone:
    """The agents for whose calls nobody else may decide.

    `kept` are the agents with rows of access, `of_those` the ones of them; `elsewhere` says it of
    all other agents.
    """

    elsewhere: bool
    kept: frozenset[str]
    of_those: frozenset[str]

    def with_calls_of(self, agent: str) -> bool:
        """Whether nobody else may decide on this agent's calls."""
        return agent in self.of_those if agent in self.kept else self.elsewhere

    def requests(self) -> Q:
        """The condition on approval requests: those of these agents."""
        here = Q(agent__in=sorted(self.of_those))
        return here | ~Q(agent__in=sorted(self.kept)) if self.elsewhere else here


def alone(user: User) -> Alone:
    """Where the person is the only one who may decide, in a few queries whatever there is."""
    others = permitted(PERMISSIONS["decide"]).exclude(pk=user.pk)
    kept = frozenset(AgentAccess.objects.order_by().values_list("agent", flat=True).distinct())
    elsewhere = not others.exists()
    if not kept or others.filter(pk__in=permitted(EVERY_AGENT).values("pk")).exists():
        return Alone(elsewhere, kept, frozenset())
    among = User.objects.filter(is_active=True).exclude(pk=user.pk)
    rows = AgentAccess.objects.filter(decides=True)
    shared = rows.filter(Q(user__in=among) | Q(group__user__in=among)).values_list("agent")
    return Alone(elsewhere, kept, kept - {agent for (agent,) in shared.distinct()})
