"""Agent definitions and versions, schedules and ticks."""

from workflows.models.agents import AgentDefinition, AgentVersion
from workflows.models.installed import InstalledContent
from workflows.models.schedules import Schedule, Tick

__all__ = ["AgentDefinition", "AgentVersion", "InstalledContent", "Schedule", "Tick"]
