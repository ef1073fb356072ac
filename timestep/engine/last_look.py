"""The last look at the lease: inside a call, right before the function of its author.

Between the step and that function the SDK reads and checks the arguments, and the function may
have to wait for a thread. The process can stand still there as anywhere.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, cast

from agents import FunctionTool

from timestep.engine.execution import current_scope
from timestep.engine.rebinding import rebound, variables

# What the SDK calls it in the function that it makes for `@function_tool`.
_FUNCTION = "the_func"


def looking(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that looks at the lease of the run that it is called in, and then is `function`.

    Args:
        function: A coroutine function, or one that is called in a thread of its own.
    """
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            if (scope := current_scope.get()) is not None:
                await scope.execution.keep_lease()
            return await function(*args, **kwargs)

        return awaited

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if (scope := current_scope.get()) is not None:
            scope.execution.keep_lease_in_thread()
        return function(*args, **kwargs)

    return called


def invoker_that_looks(tool: FunctionTool) -> Callable[..., Any]:
    """What invokes a tool; where it is of a function, that looks right before it begins."""
    invoker = cast("Any", tool.on_invoke_tool)
    made_by_sdk = getattr(invoker, "_invoke_tool_impl", None)
    if not isinstance(made_by_sdk, FunctionType):
        return cast("Callable[..., Any]", invoker)
    function = variables(made_by_sdk).get(_FUNCTION)
    if function is None:
        return cast("Callable[..., Any]", invoker)
    looks = rebound(made_by_sdk, {_FUNCTION: looking(function)})
    made: Callable[..., Any] = type(invoker)(looks, invoker._on_handled_error, function_tool=tool)
    return made
