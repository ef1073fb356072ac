"""Tool calls as checkpointed steps, and the gate that stands before them."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from agents import FunctionTool, ModelBehaviorError, RunContextWrapper, Tool
from agents.run_config import ToolErrorFormatterArgs
from agents.tool import ToolErrorFunction
from agents.tool_context import ToolContext
from pydantic_core import to_jsonable_python

from timestep.engine import tool_starts
from timestep.engine.durable_approval import DENIED, NeedsApproval, as_people_said, fault_in
from timestep.engine.durable_functions import plainly
from timestep.engine.execution import MAX_MESSAGE_CHARACTERS, Scope, current_scope, durable_scope
from timestep.engine.holds import pass_holds
from timestep.engine.last_look import invoker_that_looks
from timestep.engine.threads import in_thread
from timestep.engine.unreadable import UNREADABLE, fault_of, refusal
from timestep.storable import DEEP, EVENT_TEXT_LIMIT, is_deep, storable, storable_text

Invoke = Callable[[ToolContext[Any], str], Awaitable[Any]]


def durable_tool(
    tool: FunctionTool, *, agent: str, needs_approval: bool | None, idempotent: bool
) -> FunctionTool:
    """A copy of a tool whose calls are steps of the run.

    Args:
        tool: The tool as its module made it; it is not changed.
        agent: Slug of the agent that uses it, for events and requests.
        needs_approval: The agent's override of what the tool itself says, or None.
        idempotent: Whether a call that was in flight when its worker died may be made again.
    """
    durable = copy.copy(tool)
    if durable._failure_error_function is not None:
        durable._failure_error_function = _remembering(durable._failure_error_function)
    invoke = durable.on_invoke_tool if idempotent else invoker_that_looks(durable)

    async def invoke_as_step(context: ToolContext[Any], arguments: str) -> Any:
        scope = durable_scope()
        if scope is None:
            return await invoke(context, arguments)
        if scope.verdicts.get(context.tool_call_id) == "deny":
            return DENIED
        if scope.verdicts.get(context.tool_call_id) == UNREADABLE:
            return await refused(scope, durable, context, agent)
        step_id = scope.steps[context.tool_call_id].step_id
        made = await as_people_said(scope, context, arguments, step_id)
        call = CallFacts(context.tool_call_id, tool.name, agent, made.arguments, made.proposed)
        step = ToolStep(
            scope,
            call,
            lambda: invoke(context, made.arguments),
            timeout=tool.timeout_seconds,
            tells_timeout=tool.timeout_behavior == "error_as_result",
        )
        output = await step.output(idempotent=idempotent)
        return output if _ends_with(context, tool) else made.told(output)

    durable.on_invoke_tool = invoke_as_step
    durable.needs_approval = NeedsApproval(
        tool.needs_approval if needs_approval is None else needs_approval, tool
    )
    # The SDK's own timeout would end the step from outside, where nothing is recorded, and a
    # replay would wait again; the step applies it inside instead.
    durable.timeout_seconds = None
    return durable


async def refused(scope: Scope, tool: FunctionTool, context: ToolContext[Any], agent: str) -> Any:
    """What the model is told of a call whose arguments cannot be read; it is a step like others.

    Args:
        scope: The run.
        tool: The durable tool.
        context: Of the call.
        agent: Name of the agent that uses it.
    """
    arguments = context.tool_arguments
    fault = fault_in(tool, arguments) or fault_of(tool.name, arguments) or "Invalid JSON input"
    call = CallFacts(context.tool_call_id, tool.name, agent, arguments)

    async def told() -> str:
        words = await refusal(tool, context, fault)
        scope.tool_errors[call.call_id] = f"refused: {fault}"[:MAX_MESSAGE_CHARACTERS]
        return words

    step = ToolStep(scope, call, told, refused=True)
    return await step.output(idempotent=True)


def steps_around(tool: FunctionTool | None) -> int:
    """How many steps a call of the tool may take beside the call itself.

    Its guardrails, those on the input twice (before and after a person was asked), and the
    function that says whether it asks.
    """
    if tool is None:
        return 0
    asks = isinstance(tool.needs_approval, NeedsApproval) and tool.needs_approval.decides
    before, after = tool.tool_input_guardrails or [], tool.tool_output_guardrails or []
    return int(asks) + 2 * len(before) + len(after)


def tools_by_name(tools: Sequence[Tool]) -> dict[str, FunctionTool]:
    """The function tools that a model call was given, by name."""
    return {tool.name: tool for tool in tools if isinstance(tool, FunctionTool)}


def is_nested(tool: FunctionTool | None) -> bool:
    """Whether a tool runs an agent."""
    return tool is not None and tool._is_agent_tool


def remember_tool_error(args: ToolErrorFormatterArgs[Any]) -> str | None:
    """Keep what a tool raised, for people; the model is told only what the SDK tells it.

    A formatter of the SDK's run configuration; where it returns None, the SDK's message stays.
    """
    scope = current_scope.get()
    if args.kind == "tool_not_found" and scope and scope.verdicts.get(args.call_id) == UNREADABLE:
        # A handoff that `DurableModel` took away, since its input cannot be read.
        return f"The call was not made: Invalid JSON input for tool {args.tool_name}"
    if args.error is not None:
        remember_error(args.call_id, args.error)
    if isinstance(args.error, ModelBehaviorError):
        # About the model's own arguments, which it can only mend if it is told.
        return f"The call was not made: {args.error}"
    return None


def remember_error(call_id: str, error: Exception) -> None:
    """Keep what a call raised, for the event of its end; the model is told something else."""
    scope = current_scope.get()
    if scope is not None:
        text = storable(f"{type(error).__name__}: {error}")
        scope.tool_errors[call_id] = text[:MAX_MESSAGE_CHARACTERS]


def _remembering(tell: ToolErrorFunction) -> ToolErrorFunction:
    """A tool's own `failure_error_function`, which the SDK asks instead of the formatter."""

    async def told(context: RunContextWrapper[Any], error: Exception) -> str:
        if isinstance(context, ToolContext):
            remember_error(context.tool_call_id, error)
        text: str = await plainly(lambda: tell(context, error))
        return text

    return told


@dataclass(frozen=True)
class CallFacts:
    """Which call a step makes, as events and requests name it; `arguments` is JSON or text.

    `proposed` is what the model wrote, where a person changed the arguments.
    """

    call_id: str
    tool: str
    agent: str
    arguments: str
    proposed: str | None = None


class ToolStep:
    """One tool call: its step, and the events around it.

    Args:
        scope: The run; the call's id is reserved in it.
        call: The call.
        make: Makes it; what it raises fails the run.
        timeout: How many seconds it may take.
        tells_timeout: Whether the model is told that it took longer; else the run fails.
        once_happened: What is done instead where a person says that a call of unknown outcome was
            made; by default their words are the output.
        shown: The output as people see it.
        refused: Whether it is not made at all, and `make` says what the model is told.
    """

    def __init__(
        self,
        scope: Scope,
        call: CallFacts,
        make: Callable[[], Awaitable[Any]],
        *,
        timeout: float | None = None,
        tells_timeout: bool = False,
        once_happened: Callable[[], Awaitable[Any]] | None = None,
        shown: Callable[[Any], str] | None = None,
        refused: bool = False,
    ) -> None:
        self._scope = scope
        self._call = call
        self._make = make
        self._timeout = timeout
        self._tells_timeout = tells_timeout
        self._once_happened = once_happened
        self._shown = shown or output_text
        self._refused = refused
        self._step = scope.steps.pop(call.call_id)

    async def output(self, *, idempotent: bool) -> Any:
        """The call's output as JSON: from its checkpoint, or by making it.

        Args:
            idempotent: Whether a call that was in flight when its worker died may be made again.
        """
        self._scope.answer_used = True
        if idempotent:
            recorded = await self._step.run_async({"name": "tool"}, self._repeatable)
        else:
            with self._scope.execution.unrepeatable(self._step.step_id) as begins:
                body = partial(self._guarded, begins)
                recorded = await self._step.run_async({"name": "tool"}, body)
        self._emit_finished(recorded)
        return recorded["output"]

    async def _pass_holds(self) -> None:
        call = self._call
        await pass_holds(self._scope, call.agent, tool=call.tool, call_id=call.call_id)

    async def _repeatable(self) -> dict[str, Any]:
        await self._pass_holds()
        return await self._plain()

    async def _plain(self) -> dict[str, Any]:
        """Call the tool; may happen again if this process dies before it is recorded."""
        execution = self._scope.execution
        attempt = execution.attempt(1)
        self._emit("tool.started", {}, attempt)
        started = datetime.now(UTC)
        output, error = await self._called()
        if error is not None:
            await execution.fail(f"tool {self._call.tool}", self._step.step_id, error)
        ended = datetime.now(UTC)
        told = self._scope.tool_errors.pop(self._call.call_id, None)
        return {
            "output": output,
            "error": told,
            "attempt": attempt,
            "started_at": started.isoformat(),
            "ended_at": ended.isoformat(),
            "duration_ms": round((ended - started).total_seconds() * 1000),
        }

    async def _guarded(self, begins: Callable[[], None]) -> dict[str, Any]:
        """Call a tool that is not idempotent: its start is written durably first."""
        await self._pass_holds()
        begins()
        execution, call = self._scope.execution, self._call
        try:
            resolution = await in_thread(
                tool_starts.record,
                execution.run_id,
                execution.n,
                self._step.step_id,
                call.agent,
                call.tool,
                call.call_id,
                call.arguments,
                execution.epoch,
            )
        except tool_starts.RunLost:
            await execution.lose()
            raise
        if not resolution or resolution["outcome"] != "happened":
            # This process may have stood still since "started" was committed, while a person said
            # that the call shall be made again, and it was. Nothing is awaited from here to it.
            await execution.keep_lease()
            return await self._plain()
        if self._once_happened is None:
            return self._told(resolution["result"])
        self._make = self._once_happened
        return await self._plain() | {"told": True}

    async def _called(self) -> tuple[Any, Exception | None]:
        seconds = self._timeout
        limit = asyncio.timeout(seconds)
        try:
            with self._scope.execution.time.calling():
                async with limit:
                    return as_json(await self._make()), None
        except Exception as raised:  # noqa: BLE001 - a tool may raise anything: that fails the run
            error = TimeoutError(f"timed out after {seconds} s") if limit.expired() else raised
        if limit.expired() and self._tells_timeout:
            return f"Tool {self._call.tool} timed out after {seconds} seconds.", None
        run_id = self._scope.execution.run_id
        await in_thread(tool_starts.record_raised, run_id, self._call.call_id)
        return None, error

    def _told(self, result: str) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        attempt = self._scope.execution.attempt(1)
        recorded = {"output": result, "attempt": attempt, "started_at": now, "ended_at": now}
        return recorded | {"duration_ms": 0, "told": True}

    def _emit_finished(self, recorded: dict[str, Any]) -> None:
        """Emit the call's final event from its checkpoint, so that a replay says the same."""
        payload = {key: value for key, value in recorded.items() if key != "attempt"}
        shown = self._shown(recorded["output"])[:EVENT_TEXT_LIMIT]
        payload |= {"output": shown, "ok": recorded.get("error") is None}
        if self._refused:
            payload["refused"] = True
        self._emit("tool.finished", payload, recorded["attempt"])

    def _emit(self, kind: str, payload: dict[str, Any], attempt: int) -> None:
        call = {name: value for name, value in asdict(self._call).items() if value is not None}
        for text in ("arguments", "proposed"):
            if text in call:
                call[text] = call[text][:EVENT_TEXT_LIMIT]
        self._scope.emit(kind, call | payload, step_id=self._step.step_id, attempt=attempt)


def _ends_with(context: ToolContext[Any], tool: FunctionTool) -> bool:
    """Whether the tool's output is the run's own: the final one of the agent, or typed."""
    if tool.output_json_schema is not None:
        return True
    behavior = getattr(context.agent, "tool_use_behavior", None)
    if isinstance(behavior, dict):
        return tool.name in behavior.get("stop_at_tool_names", ())
    return behavior == "stop_on_first_tool"


def as_json(output: Any) -> Any:
    """A tool's output as JSON that reads back as what the model is given.

    The SDK shows the model `str(output)` of what is none of its own output types, so a value
    that JSON would change (a tuple, a date, an object) is turned into that text here, once.
    """
    if hasattr(output, "model_dump"):
        return storable(output.model_dump(mode="json"))
    if is_deep(output):
        return _shown_text(output)
    if isinstance(output, list) and any(hasattr(part, "model_dump") for part in output):
        return [as_json(part) for part in output]
    try:
        same = json.loads(json.dumps(output, allow_nan=False)) == output
    except (TypeError, ValueError, RecursionError):
        same = False
    return storable(output) if same else _shown_text(output)


def _shown_text(output: Any) -> str:
    """The text of a value that is not kept as JSON, as the SDK would show it."""
    try:
        return storable_text(str(output))
    except RecursionError:
        return f"The tool returned a value that is {DEEP}."
    except ValueError as error:  # A number of more digits than Python writes.
        return f"The tool returned a value that has no text: {error}"


def final_as_json(output: Any) -> Any:
    """A run's final output as JSON: one of the agent's output type, or text."""
    return to_jsonable_python(output, bytes_mode="base64", fallback=str)


def output_text(output: Any) -> str:
    """A tool's output as text for people."""
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
