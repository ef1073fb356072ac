"""The function inside a part: what `@function_tool` and the guardrail decorators wrapped."""

from __future__ import annotations

from typing import Any

from agents import (
    FunctionTool,
    InputGuardrail,
    OutputGuardrail,
    ToolInputGuardrail,
    ToolOutputGuardrail,
)


def function_inside(value: object) -> Any:
    """The function that a tool or guardrail was made of; anything else as it is."""
    if isinstance(value, FunctionTool):
        return getattr(value, "__wrapped__", value.on_invoke_tool)
    if isinstance(
        value, InputGuardrail | OutputGuardrail | ToolInputGuardrail | ToolOutputGuardrail
    ):
        return value.guardrail_function
    return value


def home_of(value: object) -> str:
    """The module in which a part was written; empty if nothing says so."""
    inside = function_inside(value)
    named = getattr(inside, "__module__", None) or getattr(type(inside), "__module__", None)
    # So `multiprocessing` calls the script's module in the processes that it starts.
    return {"__mp_main__": "__main__"}.get(named, named) if isinstance(named, str) else ""
