"""Calls of tools that work on this machine and are no function calls: shells, patches, computers.

What a model's response says of them, which tool each is for, and the step ids kept for them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from agents import (
    ApplyPatchTool,
    ComputerTool,
    CustomTool,
    FunctionTool,
    HostedMCPTool,
    LocalShellTool,
    ShellTool,
    Tool,
)

from timestep.engine.durable_approval import NeedsApproval, Question, question
from timestep.engine.execution import Scope

CUSTOM, PATCH, COMPUTER = "custom_tool_call", "apply_patch_call", "computer_call"
LOCAL_SHELL, SHELL = "local_shell_call", "shell_call"
# Where two are offered, the SDK takes the first kind.
_TOOLS_OF: dict[str, tuple[type[Any], ...]] = {
    CUSTOM: (CustomTool,),
    PATCH: (ApplyPatchTool,),
    COMPUTER: (ComputerTool,),
    LOCAL_SHELL: (LocalShellTool, ShellTool),
    SHELL: (ShellTool,),
}
_ON_THIS_MACHINE = (ApplyPatchTool, ComputerTool, CustomTool, LocalShellTool)
# The field of a call that says what is to be done.
_SAYS = {CUSTOM: "input", PATCH: "operation", COMPUTER: "actions"}


@dataclass(frozen=True)
class LocalCall:
    """One call: its kind is the type of its item, and its name that of its tool or the kind.

    `arguments` is what it says is to be done, as JSON or text; `item` is all of it.
    """

    call_id: str
    kind: str
    name: str
    arguments: str
    item: dict[str, Any]


def local_calls(output: Iterable[Any]) -> list[LocalCall]:
    """The calls among the items of a response, in the model's order.

    Args:
        output: Items as the SDK has them, or as JSON.
    """
    items = (item if isinstance(item, dict) else _as_json(item) for item in output)
    return [_call(item) for item in items if item.get("type") in _TOOLS_OF]


def made_here(output: Iterable[Any], tools: Iterable[Tool]) -> list[tuple[LocalCall, Any]]:
    """The calls of a response that tools of this process make, with their tools."""
    offered = list(tools)
    pairs = ((call, _tool_of(call, offered)) for call in local_calls(output))
    return [(call, tool) for call, tool in pairs if tool is not None]


def made_by_provider(tools: Iterable[Tool]) -> frozenset[str]:
    """Names of those tools whose calls the provider makes by itself while the model answers.

    An MCP server that the provider asks is named by its label as well.
    """
    theirs = [tool for tool in tools if not _is_called_here(tool)]
    servers = [one.tool_config["server_label"] for one in theirs if isinstance(one, HostedMCPTool)]
    return frozenset([tool.name for tool in theirs] + servers)


def _is_called_here(tool: Tool) -> bool:
    if isinstance(tool, ShellTool):
        return tool.executor is not None
    return isinstance(tool, (FunctionTool, *_ON_THIS_MACHINE))


def keep_steps(scope: Scope, calls: list[tuple[LocalCall, Any]]) -> None:
    """Keep step ids for the calls of a response, before any of its tools starts.

    Args:
        scope: The run.
        calls: The calls with their tools, in the model's order.
    """
    scope.local_calls = {call.call_id: call for call, _tool in calls}
    for call, tool in calls:
        checks = call.item.get("pending_safety_checks") or []
        asked = len(checks) if getattr(tool, "on_safety_check", None) is not None else 0
        _keep(scope, call, steps_around_local(tool) + asked)


def keep_steps_again(
    scope: Scope, output: list[dict[str, Any]], around: Callable[[str], int]
) -> None:
    """The same for the last response of a saved state, of which some calls may be left to make.

    Args:
        scope: The resumed run.
        output: The items of the response, as JSON.
        around: How many steps the calls of a tool may take beside themselves, by `LocalCall.name`.
    """
    calls = local_calls(output)
    scope.local_calls = {call.call_id: call for call in calls}
    for call in calls:
        _keep(scope, call, around(call.name))


def _keep(scope: Scope, call: LocalCall, around: int) -> None:
    if call.call_id in scope.steps:
        return
    if around:
        scope.around[call.call_id] = scope.ids.sub(around)
    scope.steps[call.call_id] = scope.ids.take()


def steps_around_local(tool: Any) -> int:
    """How many steps a call of the tool may take beside the call itself.

    The function that says whether it asks, and the one that answers in a person's place.
    """
    asks = getattr(tool, "needs_approval", False)
    decides = isinstance(asks, NeedsApproval) and asks.decides
    return int(decides) + int(getattr(tool, "on_approval", None) is not None)


def kinds_of(tool: Any) -> list[str]:
    """The names under which `LocalCall.name` knows the calls of a tool."""
    if isinstance(tool, CustomTool):
        return [tool.name]
    return [kind for kind, tools in _TOOLS_OF.items() if isinstance(tool, tools)]


def local_questions(scope: Scope, agent: str, calls: list[tuple[LocalCall, Any]]) -> list[Question]:
    """What the gate is asked about these calls."""
    return [question(scope, agent, tool, call.call_id, call.arguments) for call, tool in calls]


def arguments_of(item: Any) -> str | None:
    """What people are shown of a call; None where the item is no call of this kind."""
    found = local_calls([item])
    return found[0].arguments if found else None


def _as_json(item: Any) -> dict[str, Any]:
    if getattr(item, "type", None) not in _TOOLS_OF:
        return {}  # Other items can be large.
    dumped: dict[str, Any] = item.model_dump(mode="json", exclude_none=True)
    return dumped


def _call(item: dict[str, Any]) -> LocalCall:
    kind = str(item["type"])
    name = str(item["name"]) if kind == CUSTOM else kind
    said = item.get(_SAYS.get(kind, "action")) or item.get("action")
    if isinstance(said, dict):
        said = {key: value for key, value in said.items() if value is not None}
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, sort_keys=True)
    return LocalCall(str(item["call_id"]), kind, name, text, item)


def _tool_of(call: LocalCall, tools: list[Tool]) -> Any:
    """The tool that the SDK takes for a call; None where it is not this process's work."""
    for kind in _TOOLS_OF[call.kind]:
        fit = [tool for tool in tools if isinstance(tool, kind)]
        named = [tool for tool in fit if call.kind != CUSTOM or tool.name == call.name]
        if named:
            hosted = isinstance(named[0], ShellTool) and named[0].executor is None
            return None if hosted else named[0]
    return None
