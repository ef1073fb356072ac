"""Handoffs: agents as they are, and what `handoff()` made, with its callbacks."""

from __future__ import annotations

from typing import Any

from agents import Agent, Handoff, handoff

from timestep.engine.travel.builder import Builder, entry, made_by
from timestep.engine.travel.closures import UnknownClosure, arguments_of_handoff
from timestep.engine.travel.describer import Describer
from timestep.engine.travel.tool_settings import build_function, describe_function
from timestep.engine.travel.type_forms import build_type, describe_type

TEXT = (str, type(None))
FLAG = (bool, type(None))


def describe_handoff(describer: Describer, found: Any, path: str) -> Any:
    """One entry of an agent's handoffs."""
    if isinstance(found, Agent):
        return {
            "plain": True,
            "agent": describer.agent_key(found, f"{path} → agent {found.name!r}"),
        }
    try:
        arguments = arguments_of_handoff(found)
    except (UnknownClosure, AttributeError) as error:
        return describer.problem(path, str(error), "make it with agents.handoff(agent, …)")
    agent = arguments["agent"]
    return {
        "plain": False,
        "agent": describer.agent_key(agent, f"{path} → agent {agent.name!r}"),
        **_texts(describer, found, agent, path),
        **_callbacks(describer, found, arguments, path),
    }


def build_handoff(builder: Builder, part: Any, path: str) -> Agent[Any] | Handoff[Any, Any]:
    """What belongs into an agent's handoffs.

    Raises:
        SpecNotBuildable: Something in it is not here, not allowed, or does not fit.
    """
    agent = builder.agent(part, path)
    if entry(part, "plain", bool, path):
        return agent
    arguments = _arguments(builder, part, path)
    made: Handoff[Any, Any] = made_by(lambda: handoff(agent, **arguments), path)
    made.strict_json_schema = entry(part, "strict", bool, path)
    return made


def _texts(describer: Describer, found: Handoff[Any, Any], agent: Any, path: str) -> Any:
    own = found.tool_description == Handoff.default_tool_description(agent)
    named = found._default_tool_identity is None
    return {
        "name": describer.text(found.tool_name, path) if named else None,
        "description": None if own else describer.text(found.tool_description, path),
        "nest_history": found.nest_handoff_history,
        "strict": found.strict_json_schema,
    }


def _callbacks(describer: Describer, found: Handoff[Any, Any], arguments: Any, path: str) -> Any:
    taken = arguments["input_type"]
    return {
        "on_handoff": describe_function(describer, arguments["on_handoff"], f"{path}.on_handoff"),
        "input_filter": describe_function(describer, found.input_filter, f"{path}.input_filter"),
        "is_enabled": describe_function(describer, arguments["is_enabled"], f"{path}.is_enabled"),
        "input_type": taken and {"type": describe_type(describer, taken, f"{path}.input_type")},
    }


def _arguments(builder: Builder, part: Any, path: str) -> dict[str, Any]:
    taken = entry(part, "input_type", (dict, type(None)), path)
    return {
        "tool_name_override": entry(part, "name", TEXT, path),
        "tool_description_override": entry(part, "description", TEXT, path),
        "nest_handoff_history": entry(part, "nest_history", FLAG, path),
        "on_handoff": build_function(builder, part, "on_handoff", path),
        "input_filter": build_function(builder, part, "input_filter", path),
        "input_type": taken and build_type(builder, entry(taken, "type", dict, path), path),
        "is_enabled": build_function(builder, part, "is_enabled", path),
    }
