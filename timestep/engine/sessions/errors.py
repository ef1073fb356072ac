"""What can be wrong with a session."""

from __future__ import annotations

from timestep.errors import TimestepError


class SessionCannotTravel(TimestepError):
    """A session cannot be described so that another process opens the same one."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"session: {what}; {mend}")
        self.what = what
        self.mend = mend


class SessionNotOpened(TimestepError):
    """The executing process lacks what the run's session needs."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"session: {what}; {mend}")
        self.what = what
        self.mend = mend
