"""What is set on a tool itself, whoever made it: switches, callbacks, guardrails, time limits."""

from __future__ import annotations

from typing import Any

from agents import FunctionTool, ToolInputGuardrail, ToolOutputGuardrail

from timestep.engine.travel.builder import Builder, entry, is_function
from timestep.engine.travel.describer import Describer
from timestep.engine.travel.guardrails import build_guardrails, describe_guardrails
from timestep.tools import ToolOptions, mark, options_of

# Flags or functions, functions alone, and plain values.
SWITCHES = ("is_enabled", "needs_approval")
FORMATTERS = ("timeout_error_function", "custom_data_extractor")
SETTINGS: dict[str, tuple[type, ...]] = {
    "timeout_seconds": (int, float, type(None)),
    "timeout_behavior": (str,),
    "defer_loading": (bool,),
    "allowed_callers": (list, type(None)),
}


def describe_tool_settings(describer: Describer, tool: FunctionTool, path: str) -> dict[str, Any]:
    """All that a tool says beyond its function and its schema."""
    options = options_of(tool)
    part: dict[str, Any] = {
        name: describe_function(describer, getattr(tool, name), f"{path}.{name}")
        for name in (*SWITCHES, *FORMATTERS)
    }
    for name in ("tool_input_guardrails", "tool_output_guardrails"):
        part[name] = describe_guardrails(describer, getattr(tool, name), f"{path}.{name}")
    if not tool._use_default_failure_error_function:
        failure = tool._failure_error_function
        part["failure"] = describe_function(describer, failure, f"{path}.failure_error_function")
    if options.preview is not None:
        part["preview"] = describe_function(describer, options.preview, f"{path}.preview")
    return {
        **part,
        **{name: getattr(tool, name) for name in SETTINGS},
        "idempotent": options.idempotent,
        "title": describer.text(options.title, path),
    }


def set_tool_settings(builder: Builder, tool: FunctionTool, part: Any, path: str) -> None:
    """Set on a tool what a part describes.

    Raises:
        SpecNotBuildable: Something in it is not here, not allowed, or of the wrong type.
    """
    for name in (*SWITCHES, *FORMATTERS):
        setattr(tool, name, build_function(builder, part, name, path))
    for name, kinds in SETTINGS.items():
        setattr(tool, name, entry(part, name, kinds, path))
    kinds_of = {
        "tool_input_guardrails": ToolInputGuardrail,
        "tool_output_guardrails": ToolOutputGuardrail,
    }
    for name, kind in kinds_of.items():
        built = build_guardrails(builder, part.get(name), f"{path}.{name}", kind)
        setattr(tool, name, built)
    options = ToolOptions(
        entry(part, "idempotent", (bool, type(None)), path),
        entry(part, "title", str, path),
        build_function(builder, part, "preview", path) if "preview" in part else None,
    )
    if options != options_of(tool):
        mark(tool, **vars(options))


def failure_argument(builder: Builder, part: Any, path: str) -> list[Any]:
    """What to do with a tool's error, as the one argument that says so; none for the default."""
    return [build_function(builder, part, "failure", path)] if "failure" in part else []


def describe_function(describer: Describer, value: Any, path: str) -> Any:
    """A function by import path; None, yes and no as they are."""
    if value is None or isinstance(value, bool):
        return value
    return describer.code(value, path, "function")


def build_function(builder: Builder, part: Any, name: str, path: str) -> Any:
    """The function that a part has under a name; None, yes and no as they are."""
    found = entry(part, name, (bool, dict, type(None)), path)
    if found is None or isinstance(found, bool):
        return found
    return builder.code(found, f"{path}.{name}", "function", is_function)
