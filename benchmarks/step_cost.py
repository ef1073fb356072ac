"""What an agent's step costs beside a raw DBOS step with the same payload.

    python -m benchmarks.step_cost [--database sqlite|postgres|both]

Both kinds alternate inside one workflow, so that they share the machine's moods. Both call the same
model, which answers at once, and record the same JSON; the agent's step streams to the event
writer, asks the gate, and keeps ids and verdicts besides.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from benchmarks.harness import (
    Verdicts,
    each_database,
    installation,
    percentile,
    spread,
    use_django,
)

STEPS = 200
WARM_UP = 20


def _measure(database: str) -> None:
    verdicts = Verdicts()
    with installation(database) as stack:
        use_django(stack)
        raw, ours = _timed_steps()
    print(f"raw DBOS step: {spread(raw)} ms")
    print(f"agent step:    {spread(ours)} ms")
    ratio = percentile(ours, 50) / percentile(raw, 50)
    verdicts.at_most("agent step / raw DBOS step, medians", ratio, 1.2, "times")
    verdicts.exit()


def _timed_steps() -> tuple[list[float], list[float]]:
    # All of these after django.setup(), which needs the installation.
    from agents import ModelResponse, ModelSettings, ModelTracing  # noqa: PLC0415
    from dbos import DBOS, SetWorkflowID  # noqa: PLC0415
    from pydantic import TypeAdapter  # noqa: PLC0415

    from timestep.engine import runtime  # noqa: PLC0415
    from timestep.engine.durable_model import DurableModel  # noqa: PLC0415
    from timestep.engine.execution import Scope, StepIds, current_scope  # noqa: PLC0415
    from timestep.engine.executions import Executions  # noqa: PLC0415
    from timestep.engine.providers import model_for  # noqa: PLC0415
    from timestep.engine.threads import keep_connections_open  # noqa: PLC0415
    from timestep.models import Run  # noqa: PLC0415
    from timestep.services.launch import launch  # noqa: PLC0415
    from timestep.services.specs import store_spec  # noqa: PLC0415

    executions = Executions()
    model = DurableModel("demo/instant", "bench")
    adapter = TypeAdapter(ModelResponse)
    payload: dict[str, Any] = {}
    raw: list[float] = []
    ours: list[float] = []

    async def call() -> None:
        settings, tracing = ModelSettings(), ModelTracing.DISABLED
        last = {"previous_response_id": None, "conversation_id": None, "prompt": None}
        await model.get_response("Say hello.", "hello", settings, [], None, [], tracing, **last)

    async def answer() -> dict[str, Any]:
        settings, tracing = ModelSettings(), ModelTracing.DISABLED
        last = {"previous_response_id": None, "conversation_id": None, "prompt": None}
        provider = model_for("demo/instant")
        response = await provider.get_response(
            "Say hello.", "hello", settings, [], None, [], tracing, **last
        )
        return payload | {
            "response": adapter.dump_python(response, mode="json", exclude_none=True)
        }

    @DBOS.workflow(name="benchmark")
    async def workflow(run_id: str) -> None:
        scope = Scope(executions.start(run_id, 0, 1), StepIds())
        current_scope.set(scope)
        await call()
        payload.update(await asyncio.to_thread(_recorded, "benchmark"))
        for number in range(STEPS + WARM_UP):
            # In turn first and second, so that neither always follows the other's leftovers.
            kinds = [(raw, lambda: DBOS.run_step_async({"name": "raw"}, answer)), (ours, call)]
            for times, step in kinds if number % 2 else reversed(kinds):
                started = time.perf_counter()
                await step()
                if number >= WARM_UP:
                    times.append((time.perf_counter() - started) * 1000)

    keep_connections_open()
    spec = store_spec({"spec_version": 1, "start": "bench", "agents": {}})
    run = launch(spec=spec, input="hello", agent="bench")
    Run.objects.filter(run_id=run.run_id).update(epoch=1)
    runtime.launch("benchmark")
    executions.writer.start()
    with SetWorkflowID("benchmark"):
        handle = DBOS.start_workflow(workflow, run.run_id)
    handle.get_result()
    executions.writer.stop()
    runtime.shut_down("benchmark")
    return raw, ours


def _recorded(workflow: str) -> dict[str, Any]:
    """What the agent's first step recorded, so that both kinds store as much."""
    from dbos import DBOS  # noqa: PLC0415

    output: dict[str, Any] = DBOS.list_workflow_steps(workflow)[0]["output"]
    return output


if __name__ == "__main__":
    each_database("benchmarks.step_cost", __doc__, _measure)
