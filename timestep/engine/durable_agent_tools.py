"""Agents used as tools: their calls run the durable copy of the agent, in steps of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import FunctionType
from typing import Any, cast

from agents import Agent, AgentsException, FunctionTool, RunConfig
from agents.tool_context import ToolContext

from timestep.engine import failed_answers
from timestep.engine.durable_approval import DENIED, NeedsApproval, as_people_said, fault_in
from timestep.engine.durable_functions import as_step, plainly
from timestep.engine.durable_session import DurableSession
from timestep.engine.durable_tools import as_json, output_text
from timestep.engine.execution import Scope, current_scope, durable_scope
from timestep.engine.holds import pass_holds
from timestep.engine.rebinding import rebound, variables
from timestep.engine.unreadable import UNREADABLE, refusal
from timestep.errors import TimestepError
from timestep.storable import EVENT_TEXT_LIMIT


class NotDurable(TimestepError):
    """Something of an agent does its work where no step can record it."""


def own_run_config(tool: FunctionTool) -> RunConfig | None:
    """The `run_config` that `Agent.as_tool` was given for the nested run."""
    config: RunConfig | None = _variables(tool).get("run_config")
    return config


def durable_agent_tool(
    tool: FunctionTool, *, agent: str, nested: Agent[Any], run_config: RunConfig | None = None
) -> FunctionTool:
    """A copy of an agent used as a tool, with a block of step ids of its own for each call.

    It must not be one step itself: its inner steps would not be checkpointed.

    Args:
        tool: What `Agent.as_tool` made.
        agent: Name of the agent that calls it, for events.
        nested: The durable copy of the agent that it runs.
        run_config: The durable copy of its own run configuration, if it has one.
    """
    durable = _rebound(tool, _made_by_as_tool(tool), nested, run_config)
    invoke = durable.on_invoke_tool

    async def invoke_nested(context: ToolContext[Any], arguments: str) -> Any:
        scope = durable_scope()
        if scope is None:
            return await invoke(context, arguments)
        if scope.verdicts.get(context.tool_call_id) == "deny":
            return DENIED
        if scope.verdicts.get(context.tool_call_id) == UNREADABLE:
            return await _refused(scope, durable, context, agent)
        await pass_holds(scope, agent, tool=tool.name, call_id=context.tool_call_id)
        made = await as_people_said(scope, context, arguments, None)
        call = {"call_id": context.tool_call_id, "tool": tool.name, "agent": agent}
        call["arguments"] = made.arguments[:EVENT_TEXT_LIMIT]
        scope.emit_call("tool.started", call)
        scope.answer_used = True
        # Not popped: where a call inside waits for the gate, the SDK comes here once more.
        inner = scope.nested[context.tool_call_id]
        inner.within = scope.within | {agent}
        inner.reserve_guardrails(racing_guardrails(nested, run_config or context.run_config))
        output = await _inside(inner, lambda: invoke(context, made.arguments))
        if output is None:  # The SDK's way to say that a call inside waits for a person.
            return None
        shown = output_text(as_json(output))[:EVENT_TEXT_LIMIT]
        scope.emit_call("tool.finished", call | {"output": shown, "ok": True})
        return made.told(output)

    durable.on_invoke_tool = invoke_nested
    durable.needs_approval = NeedsApproval(tool.needs_approval, tool)
    return durable


async def _refused(scope: Scope, tool: FunctionTool, context: ToolContext[Any], agent: str) -> str:
    """What the model is told of a call whose arguments cannot be read; no agent runs."""
    arguments = context.tool_arguments
    call = {"call_id": context.tool_call_id, "tool": tool.name, "agent": agent}
    call["arguments"] = arguments[:EVENT_TEXT_LIMIT]
    scope.emit_call("tool.started", call)
    fault = fault_in(tool, arguments) or "Invalid JSON input"
    told = await refusal(tool, context, fault)
    error = f"refused: {fault}"
    ended = {"output": told[:EVENT_TEXT_LIMIT], "ok": False, "error": error, "refused": True}
    scope.emit_call("tool.finished", call | ended)
    return told


def racing_guardrails(start: Agent[Any], config: RunConfig | None) -> list[Any]:
    """The guardrails on the input of a run, which the SDK runs beside its first model call."""
    of_run = config.input_guardrails if config is not None else None
    return [*start.input_guardrails, *(of_run or [])]


async def _inside(scope: Scope, call: Callable[[], Any]) -> Any:
    token = current_scope.set(scope)
    try:
        return await call()
    except AgentsException as error:
        failed_answers.note(scope, error)
        raise
    finally:
        current_scope.reset(token)


def _replacements(
    tool: FunctionTool, nested: Agent[Any], run_config: RunConfig | None
) -> dict[str, Any]:
    """What the copy's function sees instead of what `as_tool` put into its closure."""
    seen = _variables(tool)
    found: dict[str, Any] = {"self": nested, "run_config": run_config}
    for name in ("custom_output_extractor", "input_builder"):
        if seen.get(name) is not None:
            found[name] = _durable_function(seen[name], f"{name} of tool {tool.name}")
    if seen.get("session") is not None:
        found["session"] = DurableSession(seen["session"])
    return found


def _durable_function(function: Callable[[Any], Any], what: str) -> Callable[[Any], Any]:
    async def decided(given: Any) -> Any:
        scope = durable_scope()

        async def ask() -> Any:
            return as_json(await plainly(lambda: function(given)))

        return await ask() if scope is None else await as_step(scope, scope.ids, what, ask)

    return decided


def _made_by_as_tool(tool: FunctionTool) -> FunctionType:
    """The function that `Agent.as_tool` put into a tool; it has the agent in its closure.

    Raises:
        NotDurable: The tool runs an agent in another way.
    """
    found = getattr(tool.on_invoke_tool, "_invoke_tool_impl", None)
    if isinstance(found, FunctionType) and "self" in found.__code__.co_freevars:
        return found
    raise NotDurable(
        f"tool {tool.name!r} runs an agent, but was not made by Agent.as_tool(); "
        "make it so, or as a function tool that calls Runner.run() itself"
    )


def _variables(tool: FunctionTool) -> dict[str, Any]:
    """The variables that `Agent.as_tool` gave the function of a tool."""
    return variables(_made_by_as_tool(tool))


def _rebound(
    tool: FunctionTool, old: FunctionType, nested: Agent[Any], run_config: RunConfig | None
) -> FunctionTool:
    """A copy of the tool whose function sees other variables."""
    new = rebound(old, _replacements(tool, nested, run_config))
    made, invoker = copy.copy(tool), cast("Any", tool.on_invoke_tool)
    made._agent_instance = nested
    made.on_invoke_tool = type(invoker)(new, invoker._on_handled_error, function_tool=made)
    return made
