"""What the form of a schedule offers: agents that the person may launch, and their versions."""

from __future__ import annotations

from django.contrib.auth.models import User

from approvals.access import may, sight_of
from workflows.models import AgentDefinition, AgentVersion

MOST = 1000


def agents_to_launch(user: User) -> list[str]:
    """The slugs of definitions that the person may launch."""
    seen = AgentDefinition.objects.filter(sight_of(user).agents_in("slug"))
    slugs = seen.order_by("slug").values_list("slug", flat=True)[:MOST]
    return [slug for slug in slugs if may(user, "launch", slug)]


def versions_of(agent: str) -> list[int]:
    """The numbers of an agent's versions, the latest first."""
    if "\x00" in agent:
        return []
    rows = AgentVersion.objects.filter(definition=agent).order_by("-number")
    return list(rows.values_list("number", flat=True)[:MOST])
