"""What a program gets of a run. Imports no tables: programs name it before they configure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agents import RunItem, RunState, ToolApprovalItem, Usage

from timestep.errors import RunFailed


@dataclass(frozen=True)
class AgentResult:
    """The result of a run: of one that succeeded, or of one that waits for decisions.

    Args:
        run_id: The run.
        status: `succeeded` or `awaiting_approval`.
        final_output: Of the agent's output type; None while decisions are awaited.
        interruptions: The calls that wait for a decision.
        new_items: What the run has added, as the SDK's run items.
        usage: Requests and tokens, over all segments.
    """

    run_id: str
    status: str
    final_output: Any
    interruptions: list[ToolApprovalItem]
    new_items: list[RunItem]
    usage: Usage
    _new_state: Callable[[], RunState[Any, Any] | None] = field(repr=False)

    @property
    def output(self) -> Any:
        """The final output."""
        return self.final_output

    def to_state(self) -> RunState[Any, Any]:
        """The SDK's state of the run, a new one each time; of an interrupted run, bound to it.

        Decide on its interruptions and give it to `run_agent_workflow`.
        """
        state = self._new_state()
        if state is None:
            raise RunFailed(self.run_id, {"what": "to_state", "message": "no state was kept"})
        return state
