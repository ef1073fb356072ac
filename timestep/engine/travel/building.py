"""From a spec to agents of the plain SDK, equal to those that were described.

A spec is taken for hostile: nothing of it is evaluated, no module is imported that is not allowed,
and what a name leads to is used only where its kind fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from agents import Agent, InputGuardrail, OutputGuardrail, RunConfig
from agents.lifecycle import AgentHooksBase

from timestep.engine.travel.agent_tools import build_agent_tool
from timestep.engine.travel.builder import Builder, entry, is_function, refuse
from timestep.engine.travel.function_tools import build_function_tool
from timestep.engine.travel.guardrails import build_guardrails
from timestep.engine.travel.handoffs import build_handoff
from timestep.engine.travel.hosted_tools import build_hosted_tool
from timestep.engine.travel.mcp_servers import build_server
from timestep.engine.travel.model_settings import build_settings
from timestep.engine.travel.outputs import build_output
from timestep.engine.travel.registered import TOOLS
from timestep.engine.travel.run_configs import build_config
from timestep.engine.travel.values import build_value
from timestep.errors import SpecNotBuildable
from timestep.spec_version import SpecVersion

TEXT = (str, type(None))
T = TypeVar("T")


def build(spec: Mapping[str, Any]) -> Agent[Any]:
    """The agent that a spec starts with, connected to all the others.

    Args:
        spec: What `describe()` gave, here or in another process.

    Raises:
        SpecNotBuildable: Something in it is not here, not allowed here, or changed since.
    """
    return _careful(lambda: _graph(spec))


def build_run_config(spec: Mapping[str, Any]) -> RunConfig | None:
    """The run configuration that was described together with the agent, or None.

    Raises:
        SpecNotBuildable: Something in it is not here, not allowed here, or changed since.
    """
    if not isinstance(spec, Mapping) or spec.get("run_config") is None:
        return None
    return _careful(lambda: build_config(_builder(spec), spec["run_config"], "run_config"))


def _careful(make: Callable[[], T]) -> T:
    try:
        return make()
    except SpecNotBuildable:
        raise
    except Exception as error:  # Whatever a hostile spec leads to, nobody is to see a traceback.
        raise SpecNotBuildable(f"the spec cannot be read: {type(error).__name__}") from error


def _builder(spec: Mapping[str, Any]) -> Builder:
    version = spec.get("spec_version") if isinstance(spec, Mapping) else None
    if version != SpecVersion.CODE:
        raise SpecNotBuildable(
            f"the spec has version {version!r:.20}, this process builds {SpecVersion.CODE}"
        )
    needs = entry(spec, "needs", dict, "spec")
    return Builder(entry(needs, "script", TEXT, "spec.needs"))


def _graph(spec: Mapping[str, Any]) -> Agent[Any]:
    builder = _builder(spec)
    parts = entry(spec, "agents", dict, "spec")
    for key, part in parts.items():
        builder.agents[key] = _agent(builder, part, f"agent {key!r:.100}")
    # In a second pass, so that agents may refer to one another in circles.
    for key, part in parts.items():
        if "code" not in part:
            _connect(builder, builder.agents[key], part, f"agent {key!r:.100}")
    return builder.agent({"agent": entry(spec, "start", str, "spec")}, "spec.start")


def _agent(builder: Builder, part: Any, path: str) -> Agent[Any]:
    if isinstance(part, Mapping) and "code" in part:
        found: Agent[Any] = builder.code(part["code"], path, "agent", _is_agent)
        return found
    agent: Agent[Any] = Agent(
        name=entry(part, "name", str, path),
        instructions=_instructions(builder, part, "instructions", str, path),
        prompt=_instructions(builder, part, "prompt", dict, path),
        handoff_description=entry(part, "handoff_description", TEXT, path),
        model=entry(part, "model", TEXT, path),
        reset_tool_choice=entry(part, "reset_tool_choice", bool, path),
        tool_use_behavior=_behaviour(builder, part, f"{path}.tool_use_behavior"),
        mcp_config=_config(builder, part, path),
        output_type=_output(builder, part, path),
        hooks=_hooks(builder, part, f"{path}.hooks"),
    )
    # Set afterwards: the constructor replaces settings that equal the default.
    settings = entry(part, "model_settings", dict, path)
    agent.model_settings = build_settings(builder, settings, f"{path}.model_settings")
    return agent


def _connect(builder: Builder, agent: Agent[Any], part: Any, path: str) -> None:
    agent.tools = _list(builder, _tool, part, "tools", path)
    agent.handoffs = _list(builder, build_handoff, part, "handoffs", path)
    agent.mcp_servers = _list(builder, build_server, part, "mcp_servers", path)
    for name, kind in (
        ("input_guardrails", InputGuardrail),
        ("output_guardrails", OutputGuardrail),
    ):
        parts = entry(part, name, list, path)
        setattr(agent, name, build_guardrails(builder, parts, f"{path}.{name}", kind))


def _list(builder: Builder, build_one: Any, part: Any, name: str, path: str) -> list[Any]:
    found = entry(part, name, list, path)
    return [build_one(builder, item, f"{path}.{name}[{at}]") for at, item in enumerate(found)]


def _tool(builder: Builder, part: Any, path: str) -> Any:
    kind = entry(part, "kind", str, path)
    if kind == "function":
        return build_function_tool(builder, part, path)
    if kind == "agent":
        return build_agent_tool(builder, part, path)
    if kind == "hosted":
        return build_hosted_tool(builder, part, path)
    if kind == "registered":
        return builder.code(entry(part, "code", dict, path), path, "tool", _is_tool)
    return refuse(path, f"is a {kind!r:.60}, which is no kind of tool")


def _instructions(builder: Builder, part: Any, name: str, plain: type, path: str) -> Any:
    """A text or a prompt, or the function that gives one."""
    found = build_value(builder, entry(part, name, (str, dict, type(None)), path), f"{path}.{name}")
    if found is not None and not isinstance(found, plain) and not is_function(found):
        refuse(f"{path}.{name}", "is neither a text nor a function")
    return found


def _behaviour(builder: Builder, part: Any, path: str) -> Any:
    found = build_value(builder, entry(part, "tool_use_behavior", (str, dict), path), path)
    stops = isinstance(found, dict) and isinstance(found.get("stop_at_tool_names"), list)
    if found in ("run_llm_again", "stop_on_first_tool") or stops or is_function(found):
        return found
    return refuse(path, f"is {found!r:.60}, which the SDK does not know")


def _config(builder: Builder, part: Any, path: str) -> Any:
    found = build_value(builder, entry(part, "mcp_config", dict, path), f"{path}.mcp_config")
    if not isinstance(found, dict):
        refuse(f"{path}.mcp_config", "is no configuration")
    return found


def _output(builder: Builder, part: Any, path: str) -> Any:
    found = entry(part, "output_type", (dict, type(None)), path)
    return build_output(builder, found, f"{path}.output_type")


def _hooks(builder: Builder, part: Any, path: str) -> Any:
    code = entry(part, "hooks", (dict, type(None)), path)
    return None if code is None else builder.code(code, path, "hooks", _are_hooks)


def _is_agent(value: Any) -> bool:
    return isinstance(value, Agent)


def _is_tool(value: Any) -> bool:
    return isinstance(value, TOOLS)


def _are_hooks(value: Any) -> bool:
    return isinstance(value, AgentHooksBase)
