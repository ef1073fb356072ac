"""What a program gets of a run. Imports no tables: programs name it before they configure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
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
        usage: Requests and tokens, over all segments.
    """

    run_id: str
    status: str
    final_output: Any
    interruptions: list[ToolApprovalItem]
    usage: Usage
    _new_state: Callable[[], RunState[Any, Any] | None] = field(repr=False)

    @property
    def output(self) -> Any:
        """The final output."""
        return self.final_output

    @cached_property
    def new_items(self) -> list[RunItem]:
        """What the run has added, as the SDK's run items; made when they are first asked for."""
        state = self._new_state()
        return list(state._session_items or state._generated_items) if state else []

    def to_state(self) -> RunState[Any, Any]:
        """The SDK's state of the run, a new one each time; of an interrupted run, bound to it.

        Decide on its interruptions and give it to `run_agent_workflow`.
        """
        state = self._new_state()
        if state is None:
            raise RunFailed(self.run_id, {"what": "to_state", "message": "no state was kept"})
        return state
