"""Agent definitions as the engine's app sees them: what a slug means at this moment.

Definitions are another app's. It is asked through the object that the setting
`TIMESTEP_DEFINITIONS` names (a dotted path to a class), as the approval gate is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from timestep.errors import TimestepError
from timestep.models import AgentSpec


class NoDefinitions(TimestepError):
    """No installed app keeps agent definitions."""


@dataclass(frozen=True)
class Launchable:
    """What a definition gives to a launch."""

    spec: AgentSpec
    agent: str
    agent_version: int | None
    queue: str
    timeout_seconds: float | None
    max_turns: int


class Definitions(Protocol):
    """What the engine's app needs of whoever keeps agent definitions."""

    def exists(self, slug: str, version: int | None = None) -> bool:
        """Whether there is such a definition, active or not, and such a version of it."""

    def resolve(self, slug: str, version: int | None = None) -> Launchable:
        """What a launch takes from a version, or the latest; a TimestepError says why not."""


class NoneKept:
    """Where no app keeps definitions: only what programs bring can be launched."""

    def exists(self, slug: str, version: int | None = None) -> bool:
        """There are none."""
        return False

    def resolve(self, slug: str, version: int | None = None) -> Launchable:
        """Refuse."""
        raise NoDefinitions(
            f"agent {slug}: no app keeps agent definitions; name one in TIMESTEP_DEFINITIONS"
        )


@lru_cache(maxsize=1)
def definitions() -> Definitions:
    """The keeper of definitions that the setting `TIMESTEP_DEFINITIONS` names."""
    path: str = getattr(settings, "TIMESTEP_DEFINITIONS", "timestep.definitions.NoneKept")
    keeper: Any = import_string(path)()
    checked: Definitions = keeper
    return checked
