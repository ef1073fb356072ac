"""Agents made in code, as a program has them, for the tests of the engine.

Workers import this module to build them (`TIMESTEP_CODE`). Every function notes in the journal that
it ran, so that a test can count how often.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any
from uuid import uuid4

from agents import (
    Agent,
    AgentToolStreamEvent,
    GuardrailFunctionOutput,
    HandoffInputData,
    MCPToolApprovalFunctionResult,
    MCPToolApprovalRequest,
    RunContextWrapper,
    RunResult,
    RunResultStreaming,
    ToolGuardrailFunctionOutput,
    ToolInputGuardrailData,
    ToolOutputGuardrailData,
    ToolsToFinalOutputResult,
    function_tool,
    input_guardrail,
    output_guardrail,
    tool_input_guardrail,
    tool_output_guardrail,
)
from pydantic import BaseModel

from tests.campaign.journal import note
from tests.campaign.tools import Context, _noted, _result, once_only

Run = RunContextWrapper[Any]


class Report(BaseModel):
    """A structured output."""

    title: str
    lines: list[str]


class Topic(BaseModel):
    """What a handoff is about."""

    topic: str


def _text(given: Any) -> str:
    """The user's words of an input."""
    if isinstance(given, str):
        return given
    said = [item["content"] for item in given if item.get("role") == "user"]
    return str(said[-1]) if said else ""


def _seconds(text: str, word: str) -> float:
    """How long a check takes: `slow-check=0.3` in the user's words."""
    found = text.partition(f"{word}=")[2].split(" ")[0]
    return float(found) if found else 0.0


async def _checked(name: str, given: str) -> GuardrailFunctionOutput:
    note(given, name, "start")
    if f"linger-{name}" in given and once_only(f"{name}-{given.replace('/', '_')}"):
        await asyncio.sleep(60)
    await asyncio.sleep(_seconds(given, name))
    note(given, name, "end")
    if f"raise-{name}" in given and once_only(f"raise-{name}-{given}"):
        raise RuntimeError(f"{name} could not look")
    info = {"by": name, "nonce": uuid4().hex}
    return GuardrailFunctionOutput(info, f"trip-{name}" in given)


@input_guardrail
async def racing(context: Run, agent: Agent[Any], given: Any) -> GuardrailFunctionOutput:
    """Runs beside the model."""
    return await _checked("racing", _text(given))


@input_guardrail(run_in_parallel=False)
async def first(context: Run, agent: Agent[Any], given: Any) -> GuardrailFunctionOutput:
    """Runs before the model."""
    return await _checked("first", _text(given))


@input_guardrail(name="of the run")
async def of_run(context: Run, agent: Agent[Any], given: Any) -> GuardrailFunctionOutput:
    """Belongs to the run's configuration."""
    return await _checked("of_run", _text(given))


@output_guardrail
async def last(context: Run, agent: Agent[Any], output: Any) -> GuardrailFunctionOutput:
    """Looks at the answer."""
    return await _checked("last", str(output))


@output_guardrail(name="of the run's end")
def of_end(context: Run, agent: Agent[Any], output: Any) -> GuardrailFunctionOutput:
    """Belongs to the run's configuration; no coroutine."""
    note(str(output), "of_end", "start")
    return GuardrailFunctionOutput(None, "trip-of_end" in str(output))


@tool_input_guardrail
async def before(data: ToolInputGuardrailData) -> ToolGuardrailFunctionOutput:
    """Looks at a call's arguments."""
    note(data.context.tool_call_id, "before", "start")
    return _behaviour("before", data.context.tool_arguments or "")


@tool_output_guardrail
def after(data: ToolOutputGuardrailData) -> ToolGuardrailFunctionOutput:
    """Looks at a call's output."""
    note(data.context.tool_call_id, "after", "start")
    return _behaviour("after", str(data.output))


def _behaviour(name: str, text: str) -> ToolGuardrailFunctionOutput:
    if f"trip-{name}" in text:
        return ToolGuardrailFunctionOutput.raise_exception({"by": name})
    if f"reject-{name}" in text:
        return ToolGuardrailFunctionOutput.reject_content(f"{name} says no", {"by": name})
    return ToolGuardrailFunctionOutput.allow({"by": name})


@function_tool(tool_input_guardrails=[before], tool_output_guardrails=[after])
async def measured(context: Context, tag: str, seconds: float) -> str:
    """Do something between two guardrails."""
    with _noted(context):
        await asyncio.sleep(seconds)
    return _result(context, tag)


async def sometimes(context: Run, arguments: dict[str, Any], call_id: str) -> bool:
    """Whether a call asks a person: at random the first time, and never the same again."""
    note(call_id, "sometimes", "start")
    return str(arguments.get("tag", "")).startswith("ask") and once_only(f"sometimes-{call_id}")


@function_tool(needs_approval=sometimes)
async def pay_sometimes(context: Context, tag: str, seconds: float) -> str:
    """Pay; a function says whether a person is asked."""
    with _noted(context):
        await asyncio.sleep(seconds)
    return _result(context, tag)


def told(context: Run, error: Exception) -> str:
    """What the model is told of a failure."""
    return f"told: {error}"


@function_tool(failure_error_function=told)
async def fail_with_words(context: Context, tag: str) -> str:
    """Fail, with words of its own."""
    with _noted(context):
        raise ValueError(f"nothing for {tag}")


async def enabled_once(context: Run, agent: Any) -> bool:
    """True for the first turn of each process and no other."""
    return once_only(f"enabled-{agent.name}")


@function_tool(is_enabled=enabled_once)
async def fleeting(context: Context, tag: str) -> str:
    """Be offered in one turn only."""
    with _noted(context):
        return _result(context, tag)


async def nonce_instructions(context: Run, agent: Agent[Any]) -> str:
    """Other instructions each time."""
    return f"You are {agent.name}. {random.random()}"


def same_items(data: HandoffInputData) -> HandoffInputData:
    """A handoff's filter that lets everything through."""
    return data.clone()


def noted_handoff(context: Run) -> None:
    """Called when a handoff is taken."""
    note("handoff", "noted_handoff", "start")


def noted_topic(context: Run, given: Topic) -> None:
    """Called when a handoff with an input is taken."""
    note("handoff", "noted_topic", "start")


@function_tool
async def beat(seconds: float) -> str:
    """Sleep for 50 ms again and again; by how many milliseconds the latest was late."""
    loop = asyncio.get_running_loop()
    end, worst = loop.time() + seconds, 0.0
    while (began := loop.time()) < end:
        await asyncio.sleep(0.05)
        worst = max(worst, loop.time() - began - 0.05)
    return str(round(worst * 1000))


async def extracted(result: RunResult | RunResultStreaming) -> str:
    """What an agent used as a tool hands back."""
    note(str(result.final_output), "extracted", "start")
    return f"extracted {result.final_output} {random.random()}"


def stop_at_report(context: Run, results: list[Any]) -> ToolsToFinalOutputResult:
    """Ends the run where a tool's output says so; decided anew each time it is asked."""
    note("stop_at_report", "stop_at_report", "start")
    for result in results:
        if "final" in str(result.output) and once_only(f"stop-{result.output}".replace("/", "_")):
            return ToolsToFinalOutputResult(True, f"stopped with {result.output}")
    return ToolsToFinalOutputResult(False, None)


def allow_hosted(request: MCPToolApprovalRequest) -> MCPToolApprovalFunctionResult:
    """Decides on a call of a server that the provider asks; says yes the first time only."""
    note(request.data.id, "allow_hosted", "start")
    return {"approve": once_only(f"hosted-{request.data.id}")}


async def noted_stream(event: AgentToolStreamEvent) -> None:
    """Sees the events of an agent used as a tool."""
    note(str(event["agent"].name), "noted_stream", "start")
