"""A gate that only remembers what it was told."""

from __future__ import annotations

from timestep.gate import DefaultGate, Interruption


class RememberingGate(DefaultGate):
    """Asks as the default gate does, and records nothing in any database."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, list[Interruption]]] = []
        self.ended: list[tuple[str, str]] = []

    def interrupted(self, run_id: str, revision: int, waiting: list[Interruption]) -> None:
        """Remember what waits."""
        self.asked.append((run_id, revision, waiting))

    def closed(self, run_id: str, reason: str) -> None:
        """Remember that the run ended."""
        self.ended.append((run_id, str(reason)))
