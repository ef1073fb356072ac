"""Agent definitions and versions."""

from workflows.models.agents import AgentDefinition, AgentVersion
from workflows.models.installed import InstalledContent

__all__ = ["AgentDefinition", "AgentVersion", "InstalledContent"]
