"""Parts registered by name: for what exists in a process without having an import path.

A registered part is referenced in specs by its name and a digest. Any process that registers a
part of the same name can build them; so a script that makes a tool in a function registers it,
and runs that wait for the tool go on as soon as some process has registered it.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from agents import (
    Agent,
    FunctionTool,
    InputGuardrail,
    OutputGuardrail,
    ToolInputGuardrail,
    ToolOutputGuardrail,
)

from timestep.digests import digest, tool_digest
from timestep.engine.travel.hosted_classes import HOSTED
from timestep.errors import InvalidInput

GUARDRAILS = (InputGuardrail, OutputGuardrail, ToolInputGuardrail, ToolOutputGuardrail)
TOOLS: tuple[type[Any], ...] = (FunctionTool, *HOSTED.values())

T = TypeVar("T")


@dataclass(frozen=True)
class Registered:
    """A part, its name among those of its kind, and what must not change behind the name."""

    kind: str
    name: str
    value: Any
    digest: str


_lock = threading.Lock()
_by_name: dict[tuple[str, str], Registered] = {}
_by_identity: dict[tuple[str, int], Registered] = {}


def register_tool(tool: T, name: str | None = None) -> T:
    """Register a tool under a name; its own name if none is given. Returns the tool.

    Raises:
        InvalidInput: It is no tool, or the name belongs to another one.
    """
    if not isinstance(tool, TOOLS):
        raise InvalidInput("tool", f"{tool!r:.80} is no tool; make one with @function_tool")
    if isinstance(tool, FunctionTool):
        marks = tool_digest(tool.name, tool.params_json_schema)
    else:
        marks = digest({"class": type(tool).__name__})
    named: Any = tool
    _keep("tool", name or named.name, tool, marks)
    return tool


def register_agent(agent: T, name: str | None = None) -> T:
    """Register an agent, with everything that it refers to. Returns the agent.

    Raises:
        InvalidInput: It is no agent, or the name belongs to another one.
    """
    if not isinstance(agent, Agent):
        raise InvalidInput("agent", f"{agent!r:.80} is no agents.Agent")
    tools = [
        tool_digest(tool.name, tool.params_json_schema)
        for tool in agent.tools
        if isinstance(tool, FunctionTool)
    ]
    _keep("agent", name or agent.name, agent, digest({"name": agent.name, "tools": tools}))
    return agent


def register_guardrail(guardrail: T, name: str | None = None) -> T:
    """Register a guardrail of an agent or of a tool. Returns the guardrail.

    Raises:
        InvalidInput: It is no guardrail, or the name belongs to another one.
    """
    if not isinstance(guardrail, GUARDRAILS):
        raise InvalidInput("guardrail", f"{guardrail!r:.80} is no guardrail of the Agents SDK")
    marks = {"class": type(guardrail).__name__, "takes": _takes(guardrail.guardrail_function)}
    _keep("guardrail", name or guardrail.get_name(), guardrail, digest(marks))
    return guardrail


def register_function(function: T, name: str | None = None) -> T:
    """Register a function: instructions, a filter, a callback of any kind. Returns the function.

    Raises:
        InvalidInput: It cannot be called, has no name, or the name belongs to another one.
    """
    if not callable(function):
        raise InvalidInput("function", f"{function!r:.80} cannot be called")
    own = getattr(function, "__name__", "")
    named = name or ("" if own == "<lambda>" else own)
    if not named:
        raise InvalidInput("name", "what has no name of its own needs one: name='…'")
    _keep("function", named, function, digest({"takes": _takes(function)}))
    return function


def entry_of(kind: str, value: object) -> Registered | None:
    """How this very object is registered, or None."""
    return _by_identity.get((kind, id(value)))


def entry_named(kind: str, name: str) -> Registered | None:
    """What is registered under a name, or None."""
    return _by_name.get((kind, name))


def registered_values() -> list[Any]:
    """All that is registered."""
    return [entry.value for entry in list(_by_name.values())]


def _keep(kind: str, name: str, value: Any, marks: str) -> None:
    with _lock:
        before = _by_name.get((kind, name))
        if before is not None and before.value is not value:
            raise InvalidInput(
                "name", f"another {kind} is registered as {name!r} in this process; choose another"
            )
        entry = Registered(kind, name, value, marks)
        _by_name[kind, name] = _by_identity[kind, id(value)] = entry


def _takes(function: Callable[..., Any]) -> list[str]:
    """Its parameters; without defaults, whose texts may differ from process to process."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [f"{parameter.kind.name} {parameter.name}" for parameter in parameters]
