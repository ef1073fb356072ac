"""Agents as tools: what `Agent.as_tool()` was called with, and what was set on the tool since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents import Agent, FunctionTool
from agents.agent_tool_input import AgentAsToolInput
from agents.lifecycle import RunHooksBase

from timestep.digests import tool_digest
from timestep.engine.travel.builder import Builder, entry, made_by, refuse
from timestep.engine.travel.closures import UnknownClosure, arguments_of_agent_tool
from timestep.engine.travel.describer import Describer
from timestep.engine.travel.run_configs import build_config, describe_config
from timestep.engine.travel.tool_settings import (
    build_function,
    describe_function,
    describe_tool_settings,
    failure_argument,
    set_tool_settings,
)
from timestep.engine.travel.type_forms import build_type, describe_type

# Arguments that are functions, and that are plain values.
FUNCTIONS = ("custom_output_extractor", "on_stream", "input_builder")
PLAIN: dict[str, tuple[type, ...]] = {
    "max_turns": (int, type(None)),
    "previous_response_id": (str, type(None)),
    "conversation_id": (str, type(None)),
    "on_stream_max_pending_events": (int, type(None)),
}


def describe_agent_tool(describer: Describer, tool: FunctionTool, path: str) -> Any:
    """An agent as a tool of another one."""
    try:
        arguments = arguments_of_agent_tool(tool)
    except UnknownClosure as error:
        return describer.problem(path, str(error), "make it with agent.as_tool(…)")
    agent: Agent[Any] = arguments["self"]
    if arguments["session"] is not None:
        describer.problem(f"{path}.session", "is a live object", "leave the session out")
    return {
        "kind": "agent",
        "agent": describer.agent_key(agent, f"{path} → agent {agent.name!r}"),
        "name": None if tool._agent_tool_default_identity else tool.name,
        "description": describer.text(tool.description, f"{path}.description"),
        "digest": tool_digest(tool.name, tool.params_json_schema),
        "arguments": _arguments(describer, arguments, path),
        "settings": describe_tool_settings(describer, tool, path),
    }


def build_agent_tool(builder: Builder, part: Any, path: str) -> FunctionTool:
    """The agent that a part names, as a tool.

    Raises:
        SpecNotBuildable: Something in it is not here, not allowed, or does not fit.
    """
    agent = builder.agent(part, path)
    settings = entry(part, "settings", dict, path)
    name = entry(part, "name", (str, type(None)), path)
    description = entry(part, "description", str, path)
    given = _built_arguments(builder, entry(part, "arguments", dict, path), path)
    for failure in failure_argument(builder, settings, path):
        given["failure_error_function"] = failure
    tool = made_by(lambda: agent.as_tool(name, description, **given), path)
    set_tool_settings(builder, tool, settings, path)
    if entry(part, "digest", str, path) != tool_digest(tool.name, tool.params_json_schema):
        refuse(path, "has other parameters than when the run was launched; launch again")
    return tool


def _arguments(describer: Describer, arguments: Mapping[str, Any], path: str) -> dict[str, Any]:
    taken = arguments["params_adapter"]._type
    hooks, config = arguments["hooks"], arguments["run_config"]
    functions = {
        name: describe_function(describer, arguments[name], f"{path}.{name}") for name in FUNCTIONS
    }
    return {
        **functions,
        **{name: arguments[name] for name in PLAIN},
        "hooks": hooks and describer.code(hooks, f"{path}.hooks", "object"),
        "run_config": config and describe_config(describer, config, f"{path}.run_config"),
        "include_input_schema": arguments["schema_info"].json_schema is not None,
        "parameters": None
        if taken is AgentAsToolInput
        else describe_type(describer, taken, f"{path}.parameters"),
    }


def _built_arguments(builder: Builder, part: Any, path: str) -> dict[str, Any]:
    hooks = entry(part, "hooks", (dict, type(None)), path)
    taken = entry(part, "parameters", (dict, type(None)), path)
    config = entry(part, "run_config", (dict, type(None)), path)
    return {
        **{name: build_function(builder, part, name, path) for name in FUNCTIONS},
        **{name: entry(part, name, kinds, path) for name, kinds in PLAIN.items()},
        "hooks": hooks and builder.code(hooks, f"{path}.hooks", "hooks", _are_run_hooks),
        "run_config": config and build_config(builder, config, f"{path}.run_config"),
        "include_input_schema": entry(part, "include_input_schema", bool, path),
        "parameters": taken and build_type(builder, taken, f"{path}.parameters"),
    }


def _are_run_hooks(value: Any) -> bool:
    return isinstance(value, RunHooksBase)
