"""From what a program hands over to rows: agent, input, session and limits become a run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from agents import RunState
from django.db import transaction
from pydantic import BaseModel

from timestep.engine import direct, travel
from timestep.engine.sessions import settle_session
from timestep.engine.state_store import approved_in
from timestep.engine.states import as_raw
from timestep.engine.threads import in_thread
from timestep.gate import approval_gate
from timestep.ids import segment_id, time_ordered
from timestep.library.checks import named_as_arguments
from timestep.library.orders import DEFAULT_MAX_TURNS, Order
from timestep.models import Run, Segment
from timestep.outages import refused_when_full
from timestep.scripts import own_home
from timestep.services.database_clock import database_now
from timestep.services.launch import launch
from timestep.services.specs import store_spec
from timestep.services.states import save_resumed

LAUNCHED_FROM = "program"

_T = TypeVar("_T")


async def launch_order(order: Order, *, queue: str, label: str, here: str | None = None) -> Run:
    """Insert the run, or find the earlier one of the same id.

    Args:
        order: What the program wants.
        queue: The queue that holds it.
        label: The program's name.
        here: This process's worker id where it executes the run itself, and begins at once.

    Raises:
        InvalidInput: A value cannot be used; `field` names it.
        CannotTravel: A part of the agent cannot be found again by another process.
        RunIdInUse: The id belongs to a run with another agent or input.
        DuplicateRun: A run with the same deduplication id has not ended.
        DiskFull: There is no room for it.
    """
    context = None
    if order.context is not None:
        context = travel.describe_value(order.context, "context", session=True)
    body = travel.describe(order.agent, run_config=order.run_config, context=context, session=True)
    session_id, session_spec = await settle_session(order.session)
    # Made before the insert, which is tried again when its answer is lost.
    run_id = time_ordered("run") if order.workflow_id is None else order.workflow_id
    state = None
    if isinstance(order.input_items, RunState):
        state = as_raw(order.input_items)
        await in_thread(approval_gate().launched_with, approved_in(order.input_items, run_id))
    limits = {
        "run_id": run_id,
        "timeout_seconds": order.timeout_seconds,
        "max_turns": DEFAULT_MAX_TURNS if order.max_turns is None else order.max_turns,
        "priority": order.priority,
        "dedup_id": order.deduplication_id,
        "delay_seconds": order.delay_seconds,
        "context": context,
        "session_id": session_id,
        "session_spec": session_spec,
        "input": as_json(order.input_items) if state is None else _original_input(state),
        "queue": queue,
        "label": label,
        "reserved_for": here,
    }
    with named_as_arguments():
        return await in_thread(_launched, order.agent.name, body, state, limits)


def _launched(
    agent: str, body: dict[str, Any], state: dict[str, Any] | None, limits: dict[str, Any]
) -> Run:
    """The run, begun if that is for this process.

    In one call: whoever stops waiting in the middle must not leave it taken and not begun.
    """
    run, begins = refused_when_full(_inserted)(agent, body, state, limits)
    if begins:
        direct.start(segment_id(run.run_id, 0), run.run_id, 0)
    return run


@transaction.atomic
def _inserted(
    agent: str, body: dict[str, Any], state: dict[str, Any] | None, limits: dict[str, Any]
) -> tuple[Run, bool]:
    """The run, and whether this process is to begin it now."""
    spec = store_spec(body)
    limits = dict(limits)
    until = _delayed_until(limits.pop("delay_seconds"))
    more = {"launched_from": f"{LAUNCHED_FROM} {own_home()}", "delayed_until": until}
    run = launch(spec=spec, agent=agent, **more, **limits)
    if state is not None and not run.states.filter(revision=0).exists():
        # It begins where the state is, with what was decided in it.
        save_resumed(run, 0, state)
        Segment.objects.filter(run=run, n=0).update(revision=0)
    here = limits["reserved_for"]
    return run, here is not None and direct.may_take() and direct.take(run.run_id, here)


def _original_input(state: dict[str, Any]) -> Any:
    return state.get("original_input") or "(continued from a saved state)"


def as_json(given: Any) -> Any:
    """Input items as JSON: the SDK's models are told apart from text and plain items."""
    if not isinstance(given, list | tuple):
        return given
    return [
        item.model_dump(mode="json", exclude_unset=True) if isinstance(item, BaseModel) else item
        for item in given
    ]


def _delayed_until(seconds: float | None) -> Any:
    return None if seconds is None else database_now() + timedelta(seconds=seconds)


def in_own_loop(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """The coroutine's result, also where the caller's thread runs an event loop already."""
    results: list[_T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            results.append(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            raised.append(error)

    thread = threading.Thread(target=run, name="timestep-call")
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return results[0]
