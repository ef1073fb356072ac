"""Holds as pages show them."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from approvals.access import Sight
from timestep.models import CatalogueTool, Hold, HoldKind
from workflows.models import AgentDefinition

SHOWN = 20
OFFERED = 500


def seen(sight: Sight) -> Q:
    """The condition on holds: those of agents that are not seen are left out."""
    if sight.unlimited:
        return Q()  # Beside another condition an empty one would not count.
    return ~Q(kind=HoldKind.AGENT) | sight.agents_in("name")


def holds_seen(sight: Sight) -> list[Hold]:
    """The active holds, the latest first, but for those of agents that are not seen."""
    return list(_seen(sight).filter(released_at__isnull=True))


def released_lately(sight: Sight) -> list[Hold]:
    """The holds that were released last."""
    released = _seen(sight).filter(released_at__isnull=False)
    return list(released.order_by("-released_at", "-pk")[:SHOWN])


def hold_seen(hold_id: int, sight: Sight) -> Hold | None:
    """The hold, if there is one and it is seen."""
    most = 2**63 - 1
    return _seen(sight).filter(pk=hold_id).first() if hold_id <= most else None


def stoppable(sight: Sight) -> dict[str, list[str]]:
    """The agents and tools that the form offers; others, of programs, can be typed."""
    agents = AgentDefinition.objects.filter(sight.agents_in("slug")).order_by("slug")
    tools = CatalogueTool.objects.filter(present=True).order_by("name")
    return {
        HoldKind.AGENT.value: list(agents.values_list("slug", flat=True)[:OFFERED]),
        HoldKind.TOOL.value: list(tools.values_list("name", flat=True)[:OFFERED]),
    }


def _seen(sight: Sight) -> QuerySet[Hold]:
    return Hold.objects.filter(seen(sight))
