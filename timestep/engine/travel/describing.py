"""From an agent to its spec: JSON from which any process that has the code builds an equal one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agents import Agent, FunctionTool, RunConfig

from timestep.engine.travel import allowed
from timestep.engine.travel.agent_tools import describe_agent_tool
from timestep.engine.travel.describer import MENDS, Describer
from timestep.engine.travel.function_tools import describe_function_tool
from timestep.engine.travel.guardrails import describe_guardrails
from timestep.engine.travel.handoffs import describe_handoff
from timestep.engine.travel.hosted_tools import describe_hosted_tool
from timestep.engine.travel.mcp_servers import describe_server
from timestep.engine.travel.model_settings import describe_settings
from timestep.engine.travel.outputs import describe_output
from timestep.engine.travel.problems import CannotTravel, raise_all
from timestep.engine.travel.references import MAIN
from timestep.engine.travel.registered import entry_of
from timestep.engine.travel.run_configs import describe_config
from timestep.engine.travel.secrets import leaks
from timestep.engine.travel.values import Values, parts_of
from timestep.errors import InvalidInput
from timestep.spec_version import SpecVersion


def describe(
    agent: Agent[Any],
    *,
    run_config: RunConfig | None = None,
    context: Mapping[str, Any] | None = None,
    session: bool = False,
) -> dict[str, Any]:
    """The spec of an agent and of all agents that it can reach.

    The same agent gives the same JSON, in this process and in any other. Nothing in it is a
    secret: values of the environment are stored as the names of their variables.

    Args:
        agent: The agent that a run starts with.
        run_config: What the run is configured with, if anything.
        context: What `describe_value()` gave for the run's context. The spec then needs the
            classes of it too, so that only those execute the run who have them.
        session: Whether parts may live in this very process, where that has no file: a notebook,
            `python -c`. Nobody else can build the spec then, and nobody at all after its end.

    Returns:
        JSON: `spec_version`, `start`, `needs`, `agents`, `run_config`; `context` if it has classes.

    Raises:
        CannotTravel: Parts of it exist in this process alone; it names them all.
        InvalidInput: It is no agent of the Agents SDK.
    """
    if not isinstance(agent, Agent):
        raise InvalidInput("agent", f"{agent!r:.80} is no agents.Agent")
    describer = Describer(session=session)
    start = describer.agent_key(agent, f"agent {agent.name!r}")
    agents = _agents(describer)
    config = None
    if run_config is not None:
        config = describe_config(describer, _checked(run_config), "run_config")
    describer.problems.extend(leaks(config, "run_config"))
    raise_all(describer.problems)
    classes = _classes(describer, context)
    allowed.remember(describer.modules, describer.parts)
    return _as_json(
        {
            "spec_version": SpecVersion.CODE.value,
            "start": start,
            "needs": describer.needs(),
            "agents": agents,
            "run_config": config,
            **({"context": classes} if classes else {}),
        }
    )


def _agents(describer: Describer) -> dict[str, Any]:
    """All agents by key; describing one adds those that it refers to."""
    agents: dict[str, Any] = {}
    while waiting := [key for key in describer.agents if key not in agents]:
        for key in waiting:
            agent, path = describer.agents[key]
            agents[key] = _agent(describer, agent, path)
            describer.problems.extend(leaks(agents[key], path))
    return agents


def _as_json(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec, of plain JSON alone: what is none must fail here, and not in the database."""
    try:
        return json.loads(json.dumps(spec, allow_nan=False))  # type: ignore[no-any-return]
    except (TypeError, ValueError, RecursionError) as error:
        where = f"agent {spec['start']!r}"
        raise CannotTravel(where, f"is not plain JSON: {error}", "use plain values") from error


def _classes(describer: Describer, context: Mapping[str, Any] | None) -> list[Any]:
    """What a described context refers to, each once."""
    if context is None:
        return []
    describer.script = describer.script or context["script"]
    found = {part["ref"] for part in parts_of(context["value"]) if "ref" in part}
    describer.modules.update(
        module
        for module in (reference.partition(":")[0] for reference in found)
        if module != MAIN and not allowed.is_sdk(module)
    )
    return [{"ref": reference} for reference in sorted(found)]


def _checked(run_config: Any) -> RunConfig:
    if isinstance(run_config, RunConfig):
        return run_config
    if isinstance(run_config, dict):
        try:
            return RunConfig(**run_config)
        except (TypeError, ValueError) as error:
            raise InvalidInput("run_config", str(error)) from error
    raise InvalidInput("run_config", f"{run_config!r:.80} is no agents.RunConfig")


def _agent(describer: Describer, agent: Agent[Any], path: str) -> Any:
    if entry_of("agent", agent) is not None:
        return {"name": agent.name, "code": describer.code(agent, path, "agent")}
    if type(agent) is not Agent:
        return describer.problem(
            path, f"is a {type(agent).__name__}, a class of its own", MENDS["agent"]
        )
    return {**_texts(describer, agent, path), **_parts(describer, agent, path)}


def _texts(describer: Describer, agent: Agent[Any], path: str) -> dict[str, Any]:
    values = Values(describer)
    model = agent.model
    if not isinstance(model, str | None):
        describer.problem(
            f"{path}.model",
            f"is a live {type(model).__name__} object",
            "give the name of the model, or register_agent(agent)",
        )
        model = None
    return {
        "name": describer.text(agent.name, path),
        "instructions": values.part(agent.instructions, f"{path}.instructions"),
        "prompt": values.part(agent.prompt, f"{path}.prompt"),
        "handoff_description": values.part(
            agent.handoff_description, f"{path}.handoff_description"
        ),
        "model": model,
        "tool_use_behavior": values.part(agent.tool_use_behavior, f"{path}.tool_use_behavior"),
        "reset_tool_choice": agent.reset_tool_choice,
        "mcp_config": values.part(agent.mcp_config, f"{path}.mcp_config"),
    }


def _parts(describer: Describer, agent: Agent[Any], path: str) -> dict[str, Any]:
    hooks = agent.hooks
    return {
        "model_settings": describe_settings(
            describer, agent.model_settings, f"{path}.model_settings"
        ),
        "tools": _list(describer, _tool, agent.tools, f"{path}.tools"),
        "handoffs": _list(describer, describe_handoff, agent.handoffs, f"{path}.handoffs"),
        "mcp_servers": _list(describer, describe_server, agent.mcp_servers, f"{path}.mcp_servers"),
        "input_guardrails": describe_guardrails(
            describer, agent.input_guardrails, f"{path}.input_guardrails"
        ),
        "output_guardrails": describe_guardrails(
            describer, agent.output_guardrails, f"{path}.output_guardrails"
        ),
        "output_type": describe_output(describer, agent.output_type, f"{path}.output_type"),
        "hooks": None if hooks is None else describer.code(hooks, f"{path}.hooks", "object"),
    }


def _list(describer: Describer, describe_one: Any, found: Any, path: str) -> list[Any]:
    return [describe_one(describer, item, f"{path}[{at}]") for at, item in enumerate(found)]


def _tool(describer: Describer, tool: Any, path: str) -> Any:
    entry = entry_of("tool", tool)
    if isinstance(tool, FunctionTool):
        if tool._is_agent_tool and entry is None:
            return describe_agent_tool(describer, tool, path)
        return describe_function_tool(describer, tool, path)
    if entry is not None:
        return {"kind": "registered", "code": describer.code(tool, path, "tool")}
    return describe_hosted_tool(describer, tool, path)
