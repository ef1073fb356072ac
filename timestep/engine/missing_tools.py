"""Calls of tools that do not exist: the model is told so, and people see a row of it."""

from __future__ import annotations

from typing import Any

from agents.run_config import ToolErrorFormatterArgs
from openai.types.responses import ResponseFunctionToolCall

from timestep.engine.execution import Scope, current_scope
from timestep.storable import EVENT_TEXT_LIMIT, storable


def remember_missing(scope: Scope, agent: str, call: ResponseFunctionToolCall) -> None:
    """Keep what the model called; the SDK says later whether it takes it for no tool of its own."""
    facts = {"tool": call.name, "agent": agent, "arguments": call.arguments[:EVENT_TEXT_LIMIT]}
    scope.missing[call.call_id] = storable(facts)


def leave_row(args: ToolErrorFormatterArgs[Any], told: str | None) -> None:
    """Emit the call as one that failed, with what the model is told of it.

    Args:
        args: What the SDK tells the formatter of the run configuration.
        told: What the author's own formatter says, or None for the SDK's words.
    """
    scope = current_scope.get()
    if scope is None or args.kind != "tool_not_found":
        return
    words = storable(told or args.default_message)[:EVENT_TEXT_LIMIT]
    facts = scope.missing.pop(args.call_id, {"tool": storable(args.tool_name), "agent": ""})
    ended = {"call_id": args.call_id, **facts, "output": words, "error": words, "ok": False}
    step = scope.steps.get(args.call_id)
    if step is None:
        scope.emit_call("tool.finished", ended)
    else:
        attempt = scope.execution.attempt(1)
        scope.emit("tool.finished", ended, step_id=step.step_id, attempt=attempt)
