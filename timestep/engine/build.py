"""From an agent spec to the SDK's agents, every model and tool of them durable."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import jsonschema
from agents import (
    Agent,
    AgentOutputSchemaBase,
    FunctionTool,
    Handoff,
    ModelBehaviorError,
    ModelSettings,
    RunConfig,
    handoff,
)

from timestep.engine import travel
from timestep.engine.durable_agent import durable_run_config, make_durable
from timestep.engine.tools.registry import RegisteredTool
from timestep.errors import SpecNotBuildable
from timestep.spec_version import SpecVersion
from timestep.storable import DEEP, is_deep
from timestep.tools import mark, options_of


class JsonSchemaOutput(AgentOutputSchemaBase):
    """An output type given as a JSON schema."""

    def __init__(self, slug: str, schema: dict[str, Any]) -> None:
        self._name = f"{slug.replace('-', '_')}_output"
        self._schema = schema

    def is_plain_text(self) -> bool:
        """Never: a definition without an output type has no such object."""
        return False

    def name(self) -> str:
        """The name that the provider is told."""
        return self._name

    def json_schema(self) -> dict[str, Any]:
        """The schema as the definition has it."""
        return self._schema

    def is_strict_json_schema(self) -> bool:
        """Not: the operator's schema need not fit OpenAI's strict subset."""
        return False

    def validate_json(self, json_str: str) -> Any:
        """The parsed output, or `ModelBehaviorError` with the first violation."""
        try:
            value = json.loads(json_str)
            if is_deep(value):
                raise ModelBehaviorError(f"the output is {DEEP}")
            # Python reads NaN, infinity and numbers beyond a float, which no database keeps.
            json.dumps(value, allow_nan=False)
            jsonschema.validate(value, self._schema)
        except (ValueError, RecursionError) as error:
            raise ModelBehaviorError(f"the output is not JSON: {error}") from error
        except jsonschema.ValidationError as error:
            place = error.json_path
            raise ModelBehaviorError(f"the output at {place}: {error.message[:500]}") from error
        return value


def build_agents(spec: Mapping[str, Any], tools: Mapping[str, RegisteredTool]) -> Agent[Any]:
    """The spec's starting agent, connected to all the others, everything of them durable.

    Args:
        spec: The body of an agent spec.
        tools: What this worker has for agent definitions, by name.

    Raises:
        SpecNotBuildable: A part is missing here or is another than the spec's.
        NotDurable: An agent works where no step can record it.
    """
    version = spec.get("spec_version")
    if version == SpecVersion.DEFINITIONS:
        return make_durable(_defined(spec, tools))
    if version == SpecVersion.CODE:
        return make_durable(travel.build(spec), travel.build_run_config(spec))
    known = " and ".join(map(str, SpecVersion))
    raise SpecNotBuildable(f"the spec has version {version}, this worker builds {known}")


def build_run_config(spec: Mapping[str, Any], workflow_name: str) -> RunConfig:
    """The configuration with which the SDK runs the spec's agents.

    Args:
        spec: The body of an agent spec.
        workflow_name: What the run is called.
    """
    of_program = spec.get("spec_version") == SpecVersion.CODE
    own = travel.build_run_config(spec) if of_program else None
    return durable_run_config(own, workflow_name)


def _defined(spec: Mapping[str, Any], tools: Mapping[str, RegisteredTool]) -> Agent[Any]:
    agents = {slug: _agent(part, tools) for slug, part in spec["agents"].items()}
    # In a second pass, so that agents may hand off to one another in circles.
    for slug, part in spec["agents"].items():
        agents[slug].handoffs = [_handoff(agents[name]) for name in part["handoffs"]]
        asked = [(agents[name], spec["agents"][name]) for name in part["agent_tools"]]
        agents[slug].tools += [_as_tool(agent, its.get("max_turns")) for agent, its in asked]
    return agents[spec["start"]]


def _agent(part: Mapping[str, Any], tools: Mapping[str, RegisteredTool]) -> Agent[Any]:
    slug, schema = part["slug"], part.get("output_type")
    return Agent(
        name=slug,
        handoff_description=part["name"],
        instructions=part["instructions"] or None,
        model=part["model"],
        model_settings=ModelSettings(**part["model_settings"]),
        tools=[_tool(slug, entry, tools) for entry in part["tools"]],
        output_type=JsonSchemaOutput(slug, schema) if schema else None,
    )


def _tool(slug: str, entry: Mapping[str, Any], tools: Mapping[str, RegisteredTool]) -> FunctionTool:
    name = entry["name"]
    if name not in tools:
        raise SpecNotBuildable(
            f"tool {name!r} of agent {slug!r} is not on this worker; "
            "name its module in TIMESTEP_TOOLS and restart the worker"
        )
    found = tools[name]
    if found.schema_digest != entry["digest"]:
        raise SpecNotBuildable(
            f"tool {name!r} of agent {slug!r} has another schema than when the run was launched; "
            "launch again with the latest version"
        )
    said = options_of(found.tool)
    tool = copy.copy(found.tool)
    mark(tool, idempotent=entry["idempotent"], title=said.title, preview=said.preview)
    if entry["needs_approval"] is not None:
        tool.needs_approval = entry["needs_approval"]
    return tool


def _handoff(agent: Agent[Any]) -> Handoff[Any, Agent[Any]]:
    # The SDK's own name keeps the slug's hyphens, which it then warns about.
    return handoff(agent, tool_name_override=f"transfer_to_{agent.name.replace('-', '_')}")


def _as_tool(agent: Agent[Any], max_turns: int | None) -> FunctionTool:
    name = f"ask_{agent.name.replace('-', '_')}"
    description = f"Ask the agent {agent.handoff_description} to do a task and report back."
    return agent.as_tool(name, description, max_turns=max_turns)
