"""Whether two agents are equal: every field of every agent that they reach."""

from __future__ import annotations

import dataclasses
from typing import Any

from agents import Agent, AgentOutputSchema, ComputerTool, FunctionTool, Handoff, RunConfig
from agents.mcp import MCPServer
from agents.models.interface import ModelProvider
from pydantic import BaseModel, TypeAdapter

from timestep.engine.travel.closures import arguments_of_agent_tool, arguments_of_handoff

# Of an MCP server: what belongs to a connection. Of tools and handoffs: what closures are for.
CONNECTION = {"session", "exit_stack", "_cleanup_lock", "_request_lock", "_isolated_cleanup_tasks"}
MADE = {"on_invoke_tool", "on_invoke_handoff", "_agent_ref", "_normalize_tool_input"}


class Comparison:
    """Says where two values differ."""

    def __init__(self) -> None:
        self.seen: set[tuple[int, int]] = set()
        self.differences: list[str] = []

    def compare(self, one: Any, other: Any, path: str) -> None:
        if one is other or (id(one), id(other)) in self.seen:
            return
        self.seen.add((id(one), id(other)))
        if type(one) is not type(other) and one != other:
            self.differences.append(f"{path}: {one!r} and {other!r}")
        elif isinstance(one, list | tuple):
            self._sequence(one, other, path)
        elif isinstance(one, dict):
            self._mapping(one, other, path)
        elif (fields := self._fields(one)) is not None:
            self._mapping(fields, self._fields(other) or {}, path)
        elif one != other:
            self.differences.append(f"{path}: {one!r} and {other!r}")

    def _sequence(self, one: Any, other: Any, path: str) -> None:
        if len(one) != len(other):
            self.differences.append(f"{path}: {len(one)} and {len(other)} entries")
        for at, pair in enumerate(zip(one, other, strict=False)):
            self.compare(*pair, f"{path}[{at}]")

    def _mapping(self, one: dict[str, Any], other: dict[str, Any], path: str) -> None:
        one, other = ({k: v for k, v in each.items() if k not in MADE} for each in (one, other))
        if one.keys() != other.keys():
            self.differences.append(f"{path}: {one.keys() ^ other.keys()}")
        for key in one.keys() & other.keys():
            self.compare(one[key], other[key], f"{path}.{key}")

    def _fields(self, value: Any) -> dict[str, Any] | None:
        """What a value is made of; None where == says it."""
        found: dict[str, Any] | None = None
        if isinstance(value, TypeAdapter):
            return {"type": value._type}
        if isinstance(value, FunctionTool | Handoff):
            found = dict(vars(value))
            found |= _hidden(value)
        elif isinstance(value, Agent | RunConfig | ComputerTool | AgentOutputSchema):
            found = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        elif isinstance(value, MCPServer | ModelProvider):
            found = {key: item for key, item in vars(value).items() if "cache_by_loop" not in key}
        if found is None or isinstance(value, BaseModel):
            return None
        return {key: item for key, item in found.items() if key not in CONNECTION | MADE}


def _hidden(value: Any) -> dict[str, Any]:
    if isinstance(value, Handoff):
        return {"is_enabled": None, "made_with": arguments_of_handoff(value)}
    if value._is_agent_tool:
        return {"made_with": arguments_of_agent_tool(value)}
    return {"made_of": getattr(value, "__wrapped__", None)}


def differences(one: Any, other: Any) -> list[str]:
    """Where two agents or configurations differ; empty if nowhere."""
    comparison = Comparison()
    comparison.compare(one, other, type(one).__name__)
    return comparison.differences
