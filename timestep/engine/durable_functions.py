"""Functions of an agent's author that decide how a run goes on, as checkpointed steps.

Dynamic instructions, `is_enabled`, `tool_use_behavior` and their like may look at a clock or a
database. A replay must not ask them again: it could take another way than the run took.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from timestep.engine.execution import Scope, durable_scope
from timestep.engine.step_ids import StepIds
from timestep.storable import storable

STEP = "function"


async def plainly(call: Callable[[], Any]) -> Any:
    """The value of a function that may be a coroutine function."""
    value = call()
    return await value if inspect.isawaitable(value) else value


async def as_step(scope: Scope, ids: StepIds, what: str, call: Callable[[], Any]) -> Any:
    """Call a function as a step of the run.

    Args:
        scope: The run.
        ids: Where the step's id comes from; it is taken before anything is awaited.
        what: What a failure is called.
        call: Calls the function; its value must be JSON.
    """
    reservation = ids.take()

    async def body() -> dict[str, Any]:
        try:
            return {"value": storable(await plainly(call))}
        except Exception as error:
            await scope.execution.fail(what, reservation.step_id, error)
            raise

    return (await reservation.run_async({"name": STEP}, body))["value"]


def durable_flag(flag: Any, what: str) -> Any:
    """An `is_enabled` whose function is asked once per turn.

    Args:
        flag: A flag, which is returned as it is, or a function of the SDK's form.
        what: Whose flag it is, for the message of a failure.
    """
    if not callable(flag):
        return flag

    async def enabled(context: Any, agent: Any) -> bool:
        scope = durable_scope()

        async def ask() -> bool:
            return bool(await plainly(lambda: flag(context, agent)))

        if scope is None:
            return await ask()
        # The SDK asks again when it has the model's calls, for several of them at a time.
        if id(enabled) not in scope.enabled:
            scope.enabled[id(enabled)] = await as_step(scope, scope.ids, what, ask)
        return scope.enabled[id(enabled)]

    return enabled


def durable_instructions(instructions: Any, agent: str) -> Any:
    """Instructions whose function is asked once per turn; a text is returned as it is."""
    if not callable(instructions):
        return instructions

    async def written(context: Any, asked: Any) -> Any:
        scope = durable_scope()

        def ask() -> Any:
            return instructions(context, asked)

        if scope is None:
            return await plainly(ask)
        return await as_step(scope, scope.ids, f"instructions of agent {agent}", ask)

    return written


def durable_prompt(prompt: Any, agent: str) -> Any:
    """A prompt whose function is asked once per turn; a fixed one is returned as it is."""
    if not callable(prompt):
        return prompt

    async def written(data: Any) -> Any:
        scope = durable_scope()

        def ask() -> Any:
            return prompt(data)

        if scope is None:
            return await plainly(ask)
        return await as_step(scope, scope.ids, f"prompt of agent {agent}", ask)

    return written
