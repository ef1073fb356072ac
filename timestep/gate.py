"""The approval gate: how the engine asks whether a tool call may go ahead.

The engine knows no approvals app. It asks the gate named by the setting
`TIMESTEP_APPROVAL_GATE`, which runs in a plain thread of a worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

Verdict = Literal["allow", "deny", "ask"]


@dataclass(frozen=True)
class ToolCall:
    """What the gate sees of a call before it is made.

    `asks` is what the tool itself (or the agent's override of it) says about needing approval.
    """

    run_id: str
    agent: str
    tool: str
    call_id: str
    arguments: str
    asks: bool


@dataclass(frozen=True)
class Interruption:
    """One call of an interrupted run that waits for a person.

    `kind` is `tool_call` or `outcome_unknown`; `arguments` is the JSON text of the model. `title`
    and `preview` are the tool's own words, `schema` the JSON schema of its arguments; None where
    nobody knows it, or where it is too large to be kept.
    """

    call_id: str
    agent: str
    tool: str
    arguments: str
    said_before: str = ""
    kind: str = "tool_call"
    title: str = ""
    preview: str = ""
    schema: dict[str, Any] | None = None


class ApprovalGate(Protocol):
    """What the engine needs of whoever keeps approvals."""

    def check(self, calls: Sequence[ToolCall]) -> list[Verdict]:
        """Say of each call of a response, in their order, whether it may go ahead.

        Asked once per call, inside a checkpointed step.
        """

    def interrupted(self, run_id: str, revision: int, waiting: list[Interruption]) -> None:
        """Record what waits, in the transaction that marks the run. Must be idempotent."""

    def decided(
        self, run_id: str, revision: int, decisions: list[dict[str, Any]], by: str
    ) -> list[dict[str, Any]]:
        """Record what a program decided, in the transaction that resumes the run.

        Args:
            run_id: The run.
            revision: The saved state that the decisions are about.
            decisions: One `{"call_id", "approve", "reason"}` per decided call. What the program
                left open waits no more under this revision: the next one asks again.
            by: The program, for the record.

        Returns:
            What people had decided before of the calls that the program left open, or whose
            arguments they had edited.
        """

    def launched_with(self, approved: list[tuple[ToolCall, bool]]) -> None:
        """Refuse to launch a run from a state in which a program approved calls by itself.

        Args:
            approved: The calls that it approved, and whether further calls of the tool as well.
        """

    def closed(self, run_id: str, reason: str) -> None:
        """Void what waits, in the transaction that ends the run. Must be idempotent."""


class DefaultGate:
    """Asks exactly where the tool says so, and records nothing."""

    def check(self, calls: Sequence[ToolCall]) -> list[Verdict]:
        """Ask where the tool asks."""
        return ["ask" if call.asks else "allow" for call in calls]

    def interrupted(self, run_id: str, revision: int, waiting: list[Interruption]) -> None:
        """Nothing is recorded: a script decides on the loaded state itself."""

    def decided(
        self, run_id: str, revision: int, decisions: list[dict[str, Any]], by: str
    ) -> list[dict[str, Any]]:
        """Nothing was recorded, and nobody else decides."""
        return []

    def launched_with(self, approved: list[tuple[ToolCall, bool]]) -> None:
        """Nobody but the program decides."""

    def closed(self, run_id: str, reason: str) -> None:
        """Nothing was recorded."""


@lru_cache(maxsize=1)
def approval_gate() -> ApprovalGate:
    """The gate that the setting `TIMESTEP_APPROVAL_GATE` names (a dotted path to a class)."""
    path: str = getattr(settings, "TIMESTEP_APPROVAL_GATE", "timestep.gate.DefaultGate")
    gate: Any = import_string(path)()
    checked: ApprovalGate = gate
    return checked
