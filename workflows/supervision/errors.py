"""What keeps Timestep from starting."""

from __future__ import annotations

from timestep.errors import TimestepError


class StartRefused(TimestepError):
    """Something outside stands in the way. The message is one line: what, and how to mend it."""
