"""What the SDK keeps in closures alone: the arguments of `Agent.as_tool()` and `handoff()`.

There is no public way to read them. Every function here knows exactly which names it expects and
says so when it finds others; `tests/engine/travel/test_closures.py` fails when an SDK changes them.
"""

from __future__ import annotations

import functools
from types import FunctionType
from typing import Any

from agents import FunctionTool, Handoff

from timestep.errors import TimestepError

AGENT_TOOL = frozenset(
    {
        *("_normalize_tool_input", "conversation_id", "custom_output_extractor", "hooks"),
        *("input_builder", "max_turns", "on_stream", "on_stream_max_pending_events"),
        *("params_adapter", "previous_response_id", "run_config", "schema_info", "self"),
        *("session", "should_capture_tool_input", "tool_name_resolved"),
    }
)
HANDOFF = frozenset({"agent", "input_type", "on_handoff", "type_adapter"})
HANDOFF_ENABLED = frozenset({"is_enabled"})


class UnknownClosure(TimestepError):
    """The SDK keeps something elsewhere than in the versions that Timestep knows."""


def arguments_of_agent_tool(tool: FunctionTool) -> dict[str, Any]:
    """What `Agent.as_tool()` was called with, as far as the tool itself does not say.

    Raises:
        UnknownClosure: This tool was not made by `as_tool()` of an SDK that we know.
    """
    inside = getattr(tool.on_invoke_tool, "_invoke_tool_impl", None)
    return _variables(inside, AGENT_TOOL)


def arguments_of_handoff(handoff: Handoff[Any, Any]) -> dict[str, Any]:
    """What `handoff()` was called with, as far as the object itself does not say.

    Raises:
        UnknownClosure: It was not made by `handoff()` of an SDK that we know.
    """
    invoke = handoff.on_invoke_handoff
    inside = invoke.args[0] if isinstance(invoke, functools.partial) and invoke.args else invoke
    found = _variables(inside, HANDOFF)
    enabled: Any = handoff.is_enabled
    if callable(enabled):
        enabled = _variables(enabled, HANDOFF_ENABLED)["is_enabled"]
    return {**found, "is_enabled": enabled}


def _variables(function: Any, expected: frozenset[str]) -> dict[str, Any]:
    if not isinstance(function, FunctionType) or set(function.__code__.co_freevars) != expected:
        raise UnknownClosure("was not made by a version of the Agents SDK that Timestep knows")
    return _cells(function)


def _cells(function: FunctionType) -> dict[str, Any]:
    names = function.__code__.co_freevars
    return {
        name: cell.cell_contents
        for name, cell in zip(names, function.__closure__ or (), strict=True)
    }
