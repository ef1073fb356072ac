"""Beginning what a program ordered, and waiting for what comes of it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from agents import Agent, RunState
from django.db import transaction

from timestep.engine.execution import current_scope
from timestep.engine.sessions import settle_session
from timestep.engine.state_store import Bond, bond_of, decisions_in
from timestep.engine.states import as_raw
from timestep.engine.threads import in_thread
from timestep.errors import InvalidInput
from timestep.library.agent_result import AgentResult
from timestep.library.launching import launch_order
from timestep.library.orders import Order, ResultProcessor
from timestep.library.program import Program
from timestep.library.results import ended_result, result_of
from timestep.library.saved_states import refuse_other_agent
from timestep.models import DIRECT_QUEUE, Run, RunStatus
from timestep.outages import refused_when_full
from timestep.services import awaits
from timestep.services.resume import resume_by_program


async def finished(program: Program, run_id: str, agent: Agent[Any]) -> AgentResult:
    """Wait until a run has stopped, and give its result."""
    async with _awaiting(run_id):
        ended = await asyncio.wrap_future(program.endings.of(run_id))
    if ended is not None:
        return await ended_result(ended, agent)
    return await result_of(run_id, agent)


@asynccontextmanager
async def _awaiting(run_id: str) -> AsyncIterator[None]:
    """While a tool of a run waits for another run: that takes the place of the one that waits.

    Tools are called in the context of their run, in threads too, as `asyncio.to_thread` copies it.
    """
    scope = current_scope.get()
    if scope is None:
        yield
        return
    by = scope.execution
    begins = asyncio.ensure_future(in_thread(awaits.begin, run_id, by=by.run_id, epoch=by.epoch))
    try:
        # Whoever breaks the wait off while the row is written must not leave it there.
        await asyncio.shield(begins)
        yield
    finally:
        await in_thread(awaits.end, await begins)


async def processed(result: Any, processor: ResultProcessor | None) -> Any:
    """What a processor makes of a result; without one, the result."""
    if processor is None:
        return result
    made = processor(result)
    return await made if inspect.isawaitable(made) else made


async def begun(program: Program, order: Order) -> Run:
    """The run of an order: a new one, an earlier one of the same id, or the one resumed."""
    state, bond = order.input_items, bond_in(order)
    if isinstance(state, RunState) and bond is not None:
        run = await _resumed(program, order, state, bond)
    else:
        run = await launch_order(
            order,
            queue=DIRECT_QUEUE,
            label=program.label,
            here=program.worker.worker_id,
        )
    program.worker.wake()
    return run


def bond_in(order: Order) -> Bond | None:
    """What binds the ordered state to the run that it goes on with. Raises InvalidInput."""
    state = order.input_items
    bond = bond_of(state) if isinstance(state, RunState) else None
    if bond is not None and order.workflow_id not in (None, bond.run_id):
        raise InvalidInput(
            "workflow_id", f"the state goes on with run {bond.run_id}; leave the id out"
        )
    return bond


async def _resumed(program: Program, order: Order, state: RunState[Any, Any], bond: Bond) -> Run:
    spec = await in_thread(_spec_of, bond.run_id)
    refuse_other_agent(order.agent, spec, f"run {bond.run_id}")
    if order.session is not None:
        await _refuse_other_session(order.session, bond.run_id)
    decisions, raw = decisions_in(state), as_raw(state)
    return await in_thread(
        refused_when_full(_resume), bond, decisions, raw, program.by, program.worker.worker_id
    )


async def _refuse_other_session(session: Any, run_id: str) -> None:
    given, _ = await settle_session(session)
    if given != await in_thread(_session_of, run_id):
        raise InvalidInput(
            "session", f"is not the one of run {run_id}, which goes on in its own; leave it out"
        )


def _session_of(run_id: str) -> str | None:
    return Run.objects.values_list("session_id", flat=True).get(run_id=run_id)


def _spec_of(run_id: str) -> dict[str, Any]:
    body: dict[str, Any] = Run.objects.select_related("spec").get(run_id=run_id).spec.body
    return body


@transaction.atomic
def _resume(
    bond: Bond, decisions: list[dict[str, Any]], state: dict[str, Any], by: str, worker_id: str
) -> Run:
    """The run, resumed, for this process to go on with."""
    resume_by_program(bond.run_id, bond.revision, decisions, state=state, by=by)
    rows = Run.objects.filter(run_id=bond.run_id)
    rows.filter(status=RunStatus.QUEUED).update(reserved_for=worker_id)
    return rows.get()
