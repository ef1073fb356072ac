"""Queueing runs, and what their handles do."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from agents import Agent

from timestep.engine.threads import in_thread, submit
from timestep.errors import DuplicateRun, InvalidInput, RunNotFound, WrongStatus
from timestep.library.beginning import begun, bond_in, finished, processed
from timestep.library.checks import check_order, check_text
from timestep.library.handles import RunHandle
from timestep.library.launching import in_own_loop, launch_order
from timestep.library.orders import Order, ResultProcessor
from timestep.library.setup import is_launched, launched
from timestep.models import DEFAULT_QUEUE, DIRECT_QUEUE, Run
from timestep.outages import refused_when_full
from timestep.services.audit import Actor
from timestep.services.cancel import cancel
from timestep.services.queues import set_limits


def queued(order: Order) -> RunHandle:
    """Queue what is ordered."""
    program = launched()
    check_order(order)
    if order.queue_name == DIRECT_QUEUE:
        raise InvalidInput("queue_name", f"{DIRECT_QUEUE!r} is for runs that are not queued")
    if bond_in(order) is not None:
        # It is no new start, and goes before all that wait.
        run = in_own_loop(begun(program, order))
        return RunHandle(run.run_id, order.agent, order.result_processor)
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
    check_text("name", name)
    by = launched().by if is_launched() else "program"
    submit(refused_when_full(set_limits), name, limits, by=Actor(by, "program")).result()


async def result_of_queued(
    run_id: str, agent: Agent[Any], processor: ResultProcessor | None
) -> Any:
    """Wait for a run and give its result."""
    program = launched()
    await in_thread(_status, run_id)  # A run that is not there would never end.
    return await processed(await finished(program, run_id, agent), processor)


def status_of(run_id: str) -> str:
    """A run's status now."""
    return submit(_status, run_id).result()


def cancel_run(run_id: str) -> None:
    """Cancel a run in this program's name; one that has ended stays as it is."""
    with suppress(WrongStatus):
        submit(refused_when_full(cancel), run_id, by=launched().by).result()


def _status(run_id: str) -> str:
    status: str | None = Run.objects.filter(run_id=run_id).values_list("status", flat=True).first()
    if status is None:
        raise RunNotFound(run_id)
    return status
