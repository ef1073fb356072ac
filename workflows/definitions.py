"""What schedules ask about agent definitions; named by the setting `TIMESTEP_DEFINITIONS`."""

from __future__ import annotations

from timestep.definitions import Launchable
from workflows.models import AgentDefinition
from workflows.services.specs import spec_for, version_of


class KeptDefinitions:
    """The definitions of this app."""

    def exists(self, slug: str) -> bool:
        """Whether there is such a definition, active or not."""
        return "\x00" not in slug and AgentDefinition.objects.filter(slug=slug).exists()

    def resolve(self, slug: str) -> Launchable:
        """What a launch takes from the latest version.

        Raises:
            AgentNotFound, AgentInactive, SpecIncomplete: It cannot be launched.
        """
        version = version_of(slug)
        return Launchable(
            spec=spec_for(version),
            agent=slug,
            agent_version=version.number,
            queue=version.body["default_queue"],
            timeout_seconds=version.body["timeout_seconds"],
            max_turns=version.body["max_turns"],
        )
