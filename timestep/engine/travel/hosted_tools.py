"""Hosted tools and the SDK's local ones: the fields of a dataclass, callbacks by import path."""

from __future__ import annotations

import dataclasses
from typing import Any

from agents import HostedMCPTool

from timestep.engine.travel import allowed
from timestep.engine.travel.builder import Builder, entry, made_by, refuse
from timestep.engine.travel.describer import Describer
from timestep.engine.travel.hosted_classes import HOSTED
from timestep.engine.travel.values import Values, build_value, has_variables


def describe_hosted_tool(describer: Describer, tool: Any, path: str) -> Any:
    """A tool of the SDK's own by its class and fields."""
    name = type(tool).__name__
    if HOSTED.get(name) is not type(tool):
        return describer.problem(
            path, f"is a {name}, a class that Timestep does not know", "register_tool(tool)"
        )
    values = Values(describer, guarded=True)
    fields = {
        field: values.part(getattr(tool, field), f"{path}.{field}") for field in _fields(type(tool))
    }
    part = {"kind": "hosted", "class": name, "fields": fields}
    describer.parts.append(part)
    return part


def build_hosted_tool(builder: Builder, part: Any, path: str) -> Any:
    """The tool that a part describes.

    Raises:
        SpecNotBuildable: Something in it is not here, not allowed, or does not fit.
    """
    made = HOSTED.get(entry(part, "class", str, path))
    if made is None:
        refuse(path, f"is a {part['class']!r:.60}, which is no tool of the SDK")
    fields = entry(part, "fields", dict, path)
    if not fields.keys() <= set(_fields(made)):
        refuse(path, f"has fields that {made.__name__} does not have here")
    built = {name: build_value(builder, fields[name], f"{path}.{name}") for name in fields}
    if made is HostedMCPTool:
        _check_server(part, built, path)
    return made_by(lambda: made(**built), path, secret=has_variables(part))


def _fields(made: type[Any]) -> list[str]:
    return [field.name for field in dataclasses.fields(made) if field.init]


def _check_server(part: Any, built: Any, path: str) -> None:
    """Secrets of the environment go only to servers that somebody here has named."""
    url = built["tool_config"].get("server_url") if isinstance(built["tool_config"], dict) else None
    if url is None or not has_variables(part) or allowed.was_described(part):
        return
    if not allowed.mcp_allowed(str(url)):
        refuse(
            path,
            f"would send a secret of this process to {url!s:.200}; "
            "name that server in TIMESTEP_MCP and start again",
        )
