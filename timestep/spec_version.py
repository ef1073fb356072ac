"""What the agents of a spec are made of."""

from __future__ import annotations

from enum import IntEnum


class SpecVersion(IntEnum):
    """A spec's `spec_version`: agent definitions, or the agents that a program described."""

    DEFINITIONS = 1
    CODE = 2
