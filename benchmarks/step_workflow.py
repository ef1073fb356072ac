"""The workflow that `benchmarks.step_cost` measures; imported once Django is set up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from agents import Model, ModelResponse, ModelSettings, ModelTracing
from dbos import DBOS, SetWorkflowID
from pydantic import TypeAdapter

from timestep.engine import runtime
from timestep.engine.durable_model import DurableModel
from timestep.engine.execution import Scope, current_scope
from timestep.engine.executions import Executions
from timestep.engine.providers import model_for
from timestep.engine.step_ids import StepIds
from timestep.engine.threads import keep_connections_open
from timestep.garbage import spare_what_is_loaded
from timestep.models import Run
from timestep.services.launch import launch
from timestep.services.specs import store_spec

STEPS = 200
WARM_UP = 20
WORKFLOW = "benchmark"
MODEL = "demo/instant"

_EXECUTIONS = Executions()
_RESPONSE = TypeAdapter(ModelResponse)
_RAW: list[float] = []
_OURS: list[float] = []


def timed_steps() -> tuple[list[float], list[float]]:
    """Milliseconds of each raw and each agent step."""
    keep_connections_open()
    spare_what_is_loaded()
    spec = store_spec({"spec_version": 1, "start": "bench", "agents": {}})
    run = launch(spec=spec, input="hello", agent="bench")
    Run.objects.filter(run_id=run.run_id).update(epoch=1)
    runtime.launch(WORKFLOW, runtime.Tuning(), _EXECUTIONS.lack_room)
    _EXECUTIONS.writer.start()
    with SetWorkflowID(WORKFLOW):
        handle = DBOS.start_workflow(_workflow, run.run_id)
    # A handle of an asynchronous workflow is said to give what it awaits; it gives the value.
    handle.get_result()  # type: ignore[unused-coroutine]
    _EXECUTIONS.writer.stop()
    runtime.shut_down(WORKFLOW)
    return _RAW, _OURS


@DBOS.workflow(name=WORKFLOW)
async def _workflow(run_id: str) -> None:
    current_scope.set(Scope(_EXECUTIONS.start(run_id, 0, 1), StepIds()))
    await _agent_step()
    payload = await asyncio.to_thread(_recorded)

    async def raw_body() -> dict[str, Any]:
        response = await _asked(model_for(MODEL))
        return payload | {
            "response": _RESPONSE.dump_python(response, mode="json", exclude_none=True)
        }

    async def raw_step() -> None:
        await DBOS.run_step_async({"name": "raw"}, raw_body)

    for number in range(WARM_UP + STEPS):
        kinds: list[tuple[list[float], Callable[[], Awaitable[None]]]]
        kinds = [(_RAW, raw_step), (_OURS, _agent_step)]
        # In turn first and second, so that neither always follows the other's leftovers.
        for times, step in kinds if number % 2 else reversed(kinds):
            spent = await _time_of(step)
            if number >= WARM_UP:
                times.append(spent)


async def _time_of(step: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await step()
    return (time.perf_counter() - started) * 1000


async def _agent_step() -> None:
    await _asked(DurableModel(MODEL, "bench"))


async def _asked(model: Model) -> ModelResponse:
    return await model.get_response(
        "Say hello.",
        "hello",
        ModelSettings(),
        [],
        None,
        [],
        ModelTracing.DISABLED,
        previous_response_id=None,
        conversation_id=None,
        prompt=None,
    )


def _recorded() -> dict[str, Any]:
    """What the agent's first step recorded, so that both kinds store as much."""
    output = DBOS.list_workflow_steps(WORKFLOW)[0]["output"]
    return dict(output or {})
