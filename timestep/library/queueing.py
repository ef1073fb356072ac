"""Queueing runs, and their handles."""

from __future__ import annotations

from typing import Any

from agents import Agent

from timestep.engine.threads import submit
from timestep.errors import DuplicateRun, InvalidInput
from timestep.library.beginning import finished, processed
from timestep.library.launching import in_own_loop, launch_order
from timestep.library.orders import DEFAULT_QUEUE, Order, ResultProcessor
from timestep.library.results import AgentResult
from timestep.library.setup import launched
from timestep.models import DIRECT_QUEUE, Run
from timestep.services.cancel import cancel
from timestep.services.queues import set_limits


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
        """
        result: AgentResult = await finished(launched(), self.run_id, self._agent)
        return await processed(result, self._processor)

    def get_status(self) -> str:
        """The run's status now: `queued`, `running`, `awaiting_approval`, `succeeded`, …"""
        return submit(_status, self.run_id).result()

    def cancel(self) -> None:
        """Cancel the run; a model call under way stops within a second."""
        submit(cancel, self.run_id, by=launched().by).result()


def queued(order: Order) -> RunHandle:
    """Queue what is ordered."""
    program = launched()
    if order.queue_name == DIRECT_QUEUE:
        raise InvalidInput("queue_name", f"{DIRECT_QUEUE!r} is for runs that are not queued")
    if order.on_duplicate not in ("raise", "return_existing"):
        raise InvalidInput("on_duplicate", "use 'raise' or 'return_existing'")
    queue = DEFAULT_QUEUE if order.queue_name is None else order.queue_name
    try:
        run_id = in_own_loop(launch_order(order, queue=queue, label=program.label)).run_id
    except DuplicateRun as duplicate:
        if order.on_duplicate == "raise":
            raise
        run_id = duplicate.run_id
    program.worker.wake()
    return RunHandle(run_id, order.agent, order.result_processor)


def set_queue(name: str, limits: dict[str, Any]) -> None:
    """Set what is given of a queue's limits."""
    submit(set_limits, name, limits).result()


def _status(run_id: str) -> str:
    status: str = Run.objects.values_list("status", flat=True).get(run_id=run_id)
    return status
