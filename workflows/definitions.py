"""What schedules ask about agent definitions; named by the setting `TIMESTEP_DEFINITIONS`."""

from __future__ import annotations

from timestep.definitions import Launchable
from workflows.models import AgentDefinition, AgentVersion
from workflows.services.specs import spec_for, version_of


class KeptDefinitions:
    """The definitions of this app."""

    def exists(self, slug: str, version: int | None = None) -> bool:
        """Whether there is such a definition, active or not, and such a version of it."""
        if "\x00" in slug:
            return False
        if version is None:
            return AgentDefinition.objects.filter(slug=slug).exists()
        return AgentVersion.objects.filter(definition=slug, number=version).exists()

    def resolve(self, slug: str, version: int | None = None) -> Launchable:
        """What a launch takes from a version, or from the latest one.

        Raises:
            AgentNotFound, AgentInactive, VersionNotFound, SpecIncomplete: It cannot be launched.
        """
        chosen = version_of(slug, version)
        return Launchable(
            spec=spec_for(chosen),
            agent=slug,
            agent_version=chosen.number,
            queue=chosen.body["default_queue"],
            timeout_seconds=chosen.body["timeout_seconds"],
            max_turns=chosen.body["max_turns"],
        )
