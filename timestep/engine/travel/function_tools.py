"""Function tools: by import path, registered, or made in place of a function of a module.

Each is pinned to its name and schema: code that changed behind a name is refused.
"""

from __future__ import annotations

import copy
import functools
import sys
from typing import Any

from agents import FunctionTool, function_tool, tool_namespace
from agents.tool import set_function_tool_failure_error_function

from timestep.digests import tool_digest
from timestep.engine.travel.builder import Builder, entry, is_function, made_by, refuse
from timestep.engine.travel.describer import Describer
from timestep.engine.travel.references import import_path, lookup, reference_to
from timestep.engine.travel.registered import entry_of
from timestep.engine.travel.tool_settings import (
    describe_tool_settings,
    failure_argument,
    set_tool_settings,
)
from timestep.tools import options_of


def describe_function_tool(describer: Describer, tool: FunctionTool, path: str) -> dict[str, Any]:
    """A tool by the place where another process finds it, and what must not have changed there."""
    asks = tool.needs_approval is not False
    idempotent = options_of(tool).idempotent
    part = {
        "kind": "function",
        "name": tool.name,
        "digest": tool_digest(tool.name, tool.params_json_schema),
        "needs_approval": asks,
        "idempotent": not asks if idempotent is None else idempotent,
    }
    return part | _source(describer, tool, path)


def build_function_tool(builder: Builder, part: Any, path: str) -> FunctionTool:
    """The tool behind the name, if it still is what it was when the spec was written.

    Raises:
        SpecNotBuildable: It is not here, not allowed, or changed since.
    """
    if "made_of" in part:
        tool = _made(builder, part, path)
    else:
        tool = builder.code(entry(part, "code", dict, path), path, "tool", _is_tool)
    _check_unchanged(tool, part, path)
    if part.get("namespace") is None:
        return tool
    space = entry(part, "namespace", dict, path)
    name, text = entry(space, "name", str, path), entry(space, "description", str, path)
    return made_by(lambda: tool_namespace(name=name, description=text, tools=[tool])[0], path)


def _is_tool(value: Any) -> bool:
    return isinstance(value, FunctionTool)


def _source(describer: Describer, tool: FunctionTool, path: str) -> dict[str, Any]:
    if entry_of("tool", tool) is not None or import_path(tool, at_home=True) is not None:
        return {"code": describer.code(tool, path, "tool")}
    if tool._tool_namespace is not None:
        # tool_namespace() copies each tool: what a module has is the original.
        space = {"name": tool._tool_namespace, "description": tool._tool_namespace_description}
        return _source(describer, _without_namespace(tool), path) | {"namespace": space}
    if _is_made_of_its_function(tool):
        return {
            "made_of": describer.code(tool.__wrapped__, path, "function"),
            "description": describer.text(tool.description, f"{path}.description"),
            "strict": tool.strict_json_schema,
            "settings": describe_tool_settings(describer, tool, path),
        }
    return {"code": describer.code(tool, path, "tool")}


def _without_namespace(tool: FunctionTool) -> FunctionTool:
    plain = copy.copy(tool)
    plain._tool_namespace = plain._tool_namespace_description = None
    around = reference_to(getattr(tool, "__wrapped__", None))
    if around is None:
        return plain
    module, _, name = around["ref"].partition(":")
    found = lookup(sys.modules.get(module), name)
    return found if isinstance(found, FunctionTool) and _alike(plain, found) else plain


def _alike(one: FunctionTool, other: FunctionTool) -> bool:
    return all(
        getattr(one, name) == getattr(other, name)
        for name in vars(other)
        if name != "on_invoke_tool"
    )


def _is_made_of_its_function(tool: FunctionTool) -> bool:
    """Whether `function_tool()` would make the same of a function that has an import path."""
    inside = getattr(tool, "__wrapped__", None)
    if inside is None or tool.output_json_schema is not None or reference_to(inside) is None:
        return False
    again = _of_function(inside, tool.name, tool.strict_json_schema)
    return again.params_json_schema == tool.params_json_schema


# Reading a signature and a docstring takes tens of milliseconds, and each run asks for it.
@functools.lru_cache(maxsize=256)
def _of_function(function: Any, name: str, strict: bool) -> FunctionTool:
    made: FunctionTool = function_tool(function, name_override=name, strict_mode=strict)
    return made


def _made(builder: Builder, part: Any, path: str) -> FunctionTool:
    code, settings = entry(part, "made_of", dict, path), entry(part, "settings", dict, path)
    function = builder.code(code, path, "function", is_function)
    name, strict = entry(part, "name", str, path), entry(part, "strict", bool, path)
    tool = copy.copy(made_by(lambda: _of_function(function, name, strict), path))
    set_function_tool_failure_error_function(tool, *failure_argument(builder, settings, path))
    tool.description = entry(part, "description", str, path)
    set_tool_settings(builder, tool, settings, path)
    return tool


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
