"""Shells, patches and custom tools as checkpointed steps of a run."""

from __future__ import annotations

import asyncio
import copy
import inspect
from collections.abc import Callable, Iterable
from typing import Any, cast

from agents import ApplyPatchTool, ComputerTool, CustomTool, LocalShellTool, ShellResult, ShellTool
from agents.editor import ApplyPatchOperation, ApplyPatchResult
from pydantic_core import to_jsonable_python

from timestep.engine.durable_agent_tools import NotDurable
from timestep.engine.durable_approval import DENIED, NeedsApproval
from timestep.engine.durable_computer import durable_computer_tool
from timestep.engine.durable_functions import as_step, plainly
from timestep.engine.durable_tools import CallFacts, ToolStep, output_text, remember_error
from timestep.engine.execution import Scope, durable_scope
from timestep.engine.last_look import looking
from timestep.engine.local_calls import PATCH, LocalCall
from timestep.errors import TimestepError
from timestep.tools import options_of

CANNOT_WAIT = "This call was not made: a policy wants a person to decide, which it cannot wait for."

LocalTool = LocalShellTool | ShellTool | ApplyPatchTool | CustomTool | ComputerTool[Any]


class LocalToolError(TimestepError):
    """What a tool raised, as its step has it; the SDK tells the model its text."""


def durable_local_tool(tool: LocalTool, agent: str) -> LocalTool:
    """A copy of a tool that works on this machine, whose calls are steps of the run.

    A call that was in flight when its worker died is not made again, unless `@tool_options` of
    the function, editor or computer behind the tool says that it may be.

    Args:
        tool: The tool; it is not changed.
        agent: Name of the agent that uses it, for events and requests.
    """
    if isinstance(tool, ComputerTool):
        return durable_computer_tool(tool, agent)
    if isinstance(tool, ShellTool) and tool.executor is None:
        return tool  # The provider's own shell.
    made: Any = copy.copy(tool)
    if isinstance(tool, CustomTool):
        made.on_invoke_tool = _custom(tool, agent)
    elif isinstance(tool, ApplyPatchTool):
        made.editor = DurableEditor(tool, agent)
    else:
        made.executor = _shell(tool, agent, tool.executor)
    if not isinstance(tool, LocalShellTool):
        made.needs_approval = NeedsApproval(_who_asks(tool))
        if tool.on_approval is not None:
            made.on_approval = _asked_once(tool.name, agent, tool.on_approval)
    return cast("LocalTool", made)


class DurableEditor:
    """An editor whose patches are steps of the run.

    Args:
        tool: The tool of the editor.
        agent: Name of the agent that uses it.
    """

    def __init__(self, tool: ApplyPatchTool, agent: str) -> None:
        self.plain = tool.editor
        self._calls = _Calls(tool.name, agent, tool.editor)

    async def create_file(self, operation: ApplyPatchOperation) -> Any:
        """Create a file."""
        return await self._patched(operation, self.plain.create_file)

    async def update_file(self, operation: ApplyPatchOperation) -> Any:
        """Change a file."""
        return await self._patched(operation, self.plain.update_file)

    async def delete_file(self, operation: ApplyPatchOperation) -> Any:
        """Delete a file."""
        return await self._patched(operation, self.plain.delete_file)

    async def _patched(self, operation: ApplyPatchOperation, edit: Callable[..., Any]) -> Any:
        scope = durable_scope()
        if scope is None:
            return await plainly(lambda: edit(operation))
        call = _call_of(scope, operation)
        if call is None:
            what, path = f"tool {self._calls.tool}", operation.path
            error = NotDurable(f"the patch of {path} came in a form that no step was kept for")
            await scope.execution.fail(what, None, error)
            raise error
        if (refused := self._calls.refused(scope, call)) is not None:
            return ApplyPatchResult(status="failed", output=refused)
        return await self._calls.made(scope, call, edit, operation)


class _Calls:
    """The calls of one tool, as steps.

    Args:
        tool: Its name.
        agent: Name of the agent that uses it.
        behind: What does the work; its options say whether a call may be repeated.
        tells: Whether the model is told what a call raised, as the SDK has it; else the run fails.
    """

    def __init__(self, tool: str, agent: str, behind: Any, *, tells: bool = True) -> None:
        self.tool = tool
        self._tells = tells
        self._agent = agent
        self._idempotent = options_of(behind).idempotent is True

    def refused(self, scope: Scope, call: LocalCall) -> str | None:
        """What the model is told instead, where a policy does not let the call be made."""
        if scope.verdicts.get(call.call_id) != "deny":
            return None
        scope.steps.pop(call.call_id)  # So that the next call that says the same is not this one.
        return DENIED

    async def made(
        self, scope: Scope, call: LocalCall, work: Callable[..., Any], *given: Any
    ) -> Any:
        """What `work` returns, from the checkpoint or by calling it.

        Raises:
            LocalToolError: It raised.
        """

        async def kept() -> dict[str, Any]:
            try:
                value = to_jsonable_python(await _called(work, *given), fallback=str)
            except Exception as error:
                if not self._tells:
                    raise
                remember_error(call.call_id, error)
                return {"raised": str(error) or type(error).__name__}
            return {"value": value}

        facts = CallFacts(call.call_id, self.tool, self._agent, call.arguments)
        step = ToolStep(scope, facts, kept, shown=_shown)
        output = await step.output(idempotent=self._idempotent)
        if isinstance(output, str):  # A person's words.
            return output
        if "raised" in output:
            raise LocalToolError(output["raised"])
        return output["value"]


def _shell(tool: LocalShellTool | ShellTool, agent: str, execute: Any) -> Callable[[Any], Any]:
    # For the older kind of tool the SDK catches nothing, and cannot hold a call back.
    waits = isinstance(tool, ShellTool)
    calls = _Calls(tool.name, agent, execute, tells=waits)

    async def executed(request: Any) -> Any:
        scope = durable_scope()
        if scope is None:
            return await plainly(lambda: execute(request))
        call = scope.local_calls[request.data.call_id]
        if (refused := calls.refused(scope, call)) is not None:
            return refused
        if not waits and scope.verdicts.get(call.call_id) == "ask":
            return CANNOT_WAIT
        value = await calls.made(scope, call, execute, request)
        return ShellResult(**value) if isinstance(value, dict) else value

    return executed


def _custom(tool: CustomTool, agent: str) -> Callable[..., Any]:
    invoke = tool.on_invoke_tool
    calls = _Calls(tool.name, agent, invoke)

    async def invoked(context: Any, given: str) -> Any:
        scope = durable_scope()
        if scope is None:
            return await plainly(lambda: invoke(context, given))
        call = scope.local_calls[context.tool_call_id]
        if (refused := calls.refused(scope, call)) is not None:
            return refused

        async def text() -> str:
            # As the SDK makes it; a checkpoint could not keep more than the text.
            return str(await _called(invoke, context, given))

        return await calls.made(scope, call, text)

    return invoked


def _who_asks(tool: ShellTool | ApplyPatchTool | CustomTool) -> Any:
    asks = tool.needs_approval
    if tool.on_approval is None or callable(asks):
        return asks
    # As a function, so that the gate leaves the answer to the tool's author.
    return (lambda *_call: True) if asks else False


def _asked_once(tool: str, agent: str, decide: Callable[..., Any]) -> Callable[..., Any]:
    """The author's answer in a person's place, asked once; not where a policy wants a person."""

    async def decided(context: Any, item: Any) -> Any:
        scope = durable_scope()
        if scope is None:
            return await plainly(lambda: decide(context, item))
        if not scope.asks.get(item.call_id):
            return {}
        what = f"on_approval of tool {tool} of agent {agent}"
        ids = scope.around[item.call_id]
        return await as_step(scope, ids, what, lambda: decide(context, item))

    return decided


def _call_of(scope: Scope, operation: ApplyPatchOperation) -> LocalCall | None:
    """The call that an editor works for, which the SDK does not tell it.

    The SDK makes the patches of a response one after the other, in the model's order.
    """
    calls: Iterable[LocalCall] = scope.local_calls.values()
    left = (call for call in calls if call.kind == PATCH and call.call_id in scope.steps)
    return next((call for call in left if _says(call, operation)), None)


def _says(call: LocalCall, operation: ApplyPatchOperation) -> bool:
    said = call.item.get("operation") or {}
    same = (said.get("type"), said.get("path")) == (operation.type, operation.path)
    return same and operation.diff in (None, said.get("diff"))


async def _called(work: Callable[..., Any], *given: Any) -> Any:
    """Call a function of the tool's author; one that is not async must not hold up other runs."""
    if inspect.iscoroutinefunction(work):
        return await work(*given)
    value = await asyncio.to_thread(looking(work), *given)
    return await value if inspect.isawaitable(value) else value


def _shown(output: Any) -> str:
    if isinstance(output, str):
        return output
    value = output.get("raised") or output.get("value") or ""
    entries = value.get("output") if isinstance(value, dict) else None
    if not isinstance(entries, list):
        return output_text(entries if isinstance(entries, str) else value)
    texts = (str(entry.get(part) or "") for entry in entries for part in ("stdout", "stderr"))
    return "\n".join(text for text in texts if text)
