"""Errors of agent definitions, launching and import."""

from __future__ import annotations

from timestep.errors import TimestepError


class AgentNotFound(TimestepError):
    """No agent definition has this slug."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"no agent has the slug {slug!r}; `manage.py agents` lists them")
        self.slug = slug


class AgentInactive(TimestepError):
    """The agent is switched off, and so is not launched."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"agent {slug} is inactive; activate its definition to launch it")
        self.slug = slug


class AgentOfScript(TimestepError):
    """The run's agent was described by a script, and so has no versions."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"the agent of run {run_id} lives in a script and has no latest version; "
            "launch the run again with its own, or run the script again"
        )
        self.run_id = run_id


class VersionNotFound(TimestepError):
    """The agent has no version with this number."""

    def __init__(self, slug: str, number: int) -> None:
        super().__init__(f"agent {slug} has no version {number}")
        self.slug = slug
        self.number = number


class SpecIncomplete(TimestepError):
    """The agent cannot be launched: something that it names is missing."""

    def __init__(self, slug: str, missing: str) -> None:
        super().__init__(f"agent {slug} cannot be launched: {missing}")
        self.slug = slug
        self.missing = missing


class ImportRefused(TimestepError):
    """Definitions in a file cannot be saved; nothing was changed."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons
