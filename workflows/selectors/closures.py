"""Which definitions an agent can reach by handoffs and as tools."""

from __future__ import annotations

from workflows.models import AgentDefinition


def reachable(slug: str) -> list[AgentDefinition]:
    """The definition and every one it can reach, each once; cycles and missing ones are fine.

    One query per level, not per agent.
    """
    found: dict[str, AgentDefinition] = {}
    asked: set[str] = set()
    wanted = {slug}
    while wanted:
        asked |= wanted
        level = AgentDefinition.objects.in_bulk(sorted(wanted))
        found.update(level)
        wanted = {name for one in level.values() for name in neighbours(one)} - asked
    return list(found.values())


def neighbours(definition: AgentDefinition) -> list[str]:
    """Slugs that a definition names, handoffs first."""
    return [*definition.handoffs, *definition.agent_tools]
