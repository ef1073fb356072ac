"""Function tools: by import path or by registered name, pinned to their schema."""

from __future__ import annotations

import copy
import sys
from typing import Any

from agents import FunctionTool, tool_namespace

from timestep.digests import tool_digest
from timestep.engine.travel.builder import Builder, entry, refuse
from timestep.engine.travel.describer import Describer
from timestep.engine.travel.references import lookup, reference_to
from timestep.engine.travel.registered import entry_of
from timestep.tools import options_of


def describe_function_tool(describer: Describer, tool: FunctionTool, path: str) -> dict[str, Any]:
    """A tool that has a place in a module, or is registered."""
    asks = tool.needs_approval is not False
    idempotent = options_of(tool).idempotent
    part = {
        "kind": "function",
        "name": tool.name,
        "digest": tool_digest(tool.name, tool.params_json_schema),
        "needs_approval": asks,
        "idempotent": not asks if idempotent is None else idempotent,
    }
    return part | _code(describer, tool, path)


def build_function_tool(builder: Builder, part: Any, path: str) -> FunctionTool:
    """The tool behind the name, if it still is what it was when the spec was written.

    Raises:
        SpecNotBuildable: It is not here, not allowed, or changed since.
    """
    tool = builder.code(entry(part, "code", dict, path), path, "tool", _is_function_tool)
    _check_unchanged(tool, part, path)
    if part.get("namespace") is None:
        return tool  # type: ignore[no-any-return]
    space = entry(part, "namespace", dict, path)
    name, text = entry(space, "name", str, path), entry(space, "description", str, path)
    return tool_namespace(name=name, description=text, tools=[tool])[0]


def _is_function_tool(value: Any) -> bool:
    return isinstance(value, FunctionTool) and not value._is_agent_tool


def _code(describer: Describer, tool: FunctionTool, path: str) -> dict[str, Any]:
    known = entry_of("tool", tool) is not None or reference_to(tool) is not None
    if known or tool._tool_namespace is None:
        return {"code": describer.code(tool, path, "tool")}
    # tool_namespace() makes a copy of each tool: what has a module is the original.
    original = _original(tool)
    code = describer.code(tool if original is None else original, path, "tool")
    space = {"name": tool._tool_namespace, "description": tool._tool_namespace_description}
    return {"code": code, "namespace": space}


def _original(tool: FunctionTool) -> FunctionTool | None:
    inside = getattr(tool, "__wrapped__", None)
    around = reference_to(inside) if inside is not None else None
    if around is None or not around.get("inside"):
        return None
    module, _, name = around["ref"].partition(":")
    found = lookup(sys.modules.get(module), name)
    if not isinstance(found, FunctionTool):
        return None
    plain = copy.copy(tool)
    plain._tool_namespace = plain._tool_namespace_description = None
    same = all(
        getattr(plain, name) == getattr(found, name)
        for name in vars(found)
        if name != "on_invoke_tool"
    )
    return found if same else None


def _check_unchanged(tool: FunctionTool, part: Any, path: str) -> None:
    name = entry(part, "name", str, path)
    if entry(part, "digest", str, path) != tool_digest(tool.name, tool.params_json_schema):
        refuse(
            path,
            f"needs the tool {name!r:.80} as it was when the run was launched: its name or its "
            "arguments have changed since; launch again",
        )
    if entry(part, "needs_approval", bool, path) and tool.needs_approval is False:
        refuse(
            path,
            f"needs the tool {name!r:.80} to ask for approval, as it did when the run was "
            "launched: it no longer does; launch again",
        )
