"""From what a program hands over to rows: agent, input, session and limits become a run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from agents import Agent, RunState
from django.db import transaction
from django.utils import timezone
from pydantic import BaseModel

from timestep.engine import travel
from timestep.engine.sessions import settle_session
from timestep.engine.state_store import approved_in
from timestep.engine.states import as_raw
from timestep.engine.threads import in_thread
from timestep.errors import InvalidInput
from timestep.gate import approval_gate
from timestep.ids import time_ordered
from timestep.library.orders import DEFAULT_MAX_TURNS, Order
from timestep.models import Run, Segment
from timestep.services.launch import launch
from timestep.services.specs import store_spec
from timestep.services.states import save_resumed

LAUNCHED_FROM = "program"
MAX_DELAY_SECONDS = 366 * 24 * 3600.0

_T = TypeVar("_T")


async def launch_order(order: Order, **more: Any) -> Run:
    """Insert the run, or find the earlier one of the same id.

    Args:
        order: What the program wants.
        more: Further arguments of `timestep.services.launch.launch`.

    Raises:
        InvalidInput: A value cannot be used; `field` names it.
        CannotTravel: A part of the agent cannot be found again by another process.
        RunIdInUse: The id belongs to a run with another agent or input.
        DuplicateRun: A run with the same deduplication id has not ended.
    """
    check_agent(order.agent)
    context = None
    if order.context is not None:
        context = travel.describe_value(order.context, "context")
    body = travel.describe(order.agent, run_config=order.run_config, context=context)
    session_id, session_spec = await settle_session(order.session)
    # Made before the insert, which is tried again when its answer is lost.
    run_id = order.workflow_id or time_ordered("run")
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
        "delayed_until": _delayed_until(order.delay_seconds),
        "context": context,
        "session_id": session_id,
        "session_spec": session_spec,
        "input": as_json(order.input_items) if state is None else _original_input(state),
    }
    return await in_thread(_inserted, order.agent.name, body, state, limits | more)


@transaction.atomic
def _inserted(
    agent: str, body: dict[str, Any], state: dict[str, Any] | None, limits: dict[str, Any]
) -> Run:
    spec = store_spec(body)
    run = launch(spec=spec, agent=agent, launched_from=LAUNCHED_FROM, **limits)
    if state is not None and not run.states.filter(revision=0).exists():
        # It begins where the state is, with what was decided in it.
        save_resumed(run, 0, state)
        Segment.objects.filter(run=run, n=0).update(revision=0)
    return run


def check_agent(agent: Any) -> None:
    """Refuse what is no agent of the SDK. Raises InvalidInput."""
    if not isinstance(agent, Agent):
        raise InvalidInput("agent", f"give an agents.Agent, not {type(agent).__name__}")


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
    if seconds is None:
        return None
    if not 0 <= seconds <= MAX_DELAY_SECONDS:
        raise InvalidInput("delay_seconds", "use a number of seconds from 0, at most a year")
    return timezone.now() + timedelta(seconds=seconds)


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
