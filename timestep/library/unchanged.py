"""The word for an argument that was left out, where None means something."""

from __future__ import annotations

import enum


class Unchanged(enum.Enum):
    """The type of `UNCHANGED`."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED
