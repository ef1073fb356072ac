"""Handles of queued runs. Imports no tables: programs name them before they configure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from timestep.library.orders import ResultProcessor
from timestep.library.setup import configured

if TYPE_CHECKING:
    from agents import Agent


class RunHandle:
    """A run that was queued.

    Args:
        run_id: The run.
        agent: The agent that it starts with, by which its result is read.
        result_processor: What `get_result` passes the result through.
    """

    def __init__(
        self, run_id: str, agent: Agent[Any], result_processor: ResultProcessor | None = None
    ) -> None:
        self.run_id = run_id
        self._agent = agent
        self._processor = result_processor

    def __repr__(self) -> str:
        return f"RunHandle({self.run_id!r})"

    async def get_result(self) -> Any:
        """Wait until the run has ended, or waits for decisions, and give its `AgentResult`.

        Raises:
            RunFailed, RunTimedOut, RunCancelled: How it ended instead.
            RunNotFound: There is no such run.
        """
        configured()
        from timestep.library import queueing  # noqa: PLC0415 - see the module's docstring

        return await queueing.result_of_queued(self.run_id, self._agent, self._processor)

    def get_status(self) -> str:
        """The run's status now: `queued`, `running`, `awaiting_approval`, `succeeded`, …"""
        configured()
        from timestep.library import queueing  # noqa: PLC0415

        return queueing.status_of(self.run_id)

    def cancel(self) -> None:
        """Cancel the run; a model call under way stops within a second.

        A run that has ended stays as it is.

        Raises:
            RunNotFound: There is no such run.
        """
        configured()
        from timestep.library import queueing  # noqa: PLC0415

        queueing.cancel_run(self.run_id)
