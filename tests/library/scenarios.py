"""What the driven program does: one coroutine per call, each given and giving JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from agents import Agent, RunContextWrapper, function_tool
from pydantic import BaseModel

import timestep
from tests.campaign.journal import note
from tests.campaign.tools import Context, charge, fetch, pay
from timestep import AgentResult

DEMO = "demo/instant"


class Sum(BaseModel):
    """A structured output."""

    total: int


@dataclass
class Shop:
    """A context that is no plain JSON."""

    name: str


@function_tool
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@function_tool(needs_approval=True)
async def wipe(name: str) -> str:
    """Wipe something."""
    return f"wiped {name}"


@function_tool
async def shop_name(context: RunContextWrapper[Shop]) -> str:
    """Say whose shop this is."""
    return f"{type(context.context).__name__} {context.context.name}"


@function_tool
async def nest(context: Context, text: str, queue: str, times: int) -> str:
    """Run this agent again with a text, and wait for it; queued, where a queue is named."""
    note(context.tool_call_id, context.tool_name, "start")
    awaited = [_nested(text, queue) for _ in range(times)]
    outputs = [result.output for result in await asyncio.gather(*awaited)]
    note(context.tool_call_id, context.tool_name, "end")
    return f"nested {outputs}"


def _nested(text: str, queue: str) -> Awaitable[AgentResult]:
    if not queue:
        return timestep.run_agent_workflow(AGENTS["nester"], text)
    return timestep.queue_agent_workflow(AGENTS["nester"], text, queue_name=queue).get_result()


@function_tool
def nest_in_thread(text: str) -> str:
    """The same, in a thread and an event loop of its own."""
    result = asyncio.run(timestep.run_agent_workflow(AGENTS["nester"], text))
    return f"nested {result.output}"


@function_tool
async def nest_streaming(text: str) -> str:
    """The same, with the events of the nested run."""
    result = await timestep.run_agent_workflow(AGENTS["nester"], text, stream=True)
    async for _ in result.stream_events():
        pass
    return f"nested {result.output}"


@function_tool
async def nest_for(text: str, queue: str, seconds: float) -> str:
    """The same, but break the wait off after so long."""
    try:
        result = await asyncio.wait_for(_nested(text, queue), seconds)
    except TimeoutError:
        return "gave up"
    return f"nested {result.output}"


AGENTS: dict[str, Agent[Any]] = {
    agent.name: agent
    for agent in (
        Agent(name="adder", model=DEMO, instructions="Add.", tools=[add]),
        Agent(name="other", model=DEMO, instructions="Add.", tools=[add]),
        Agent(name="wiper", model=DEMO, instructions="Wipe.", tools=[wipe]),
        Agent(name="keeper", model=DEMO, instructions="Tell.", tools=[shop_name]),
        Agent(name="talker", model="gpt-test", instructions="Talk."),
        Agent(name="worker", model="gpt-test", tools=[fetch, charge, pay]),
        Agent(
            name="nester",
            model="gpt-test",
            tools=[nest, nest_in_thread, nest_streaming, nest_for, fetch],
        ),
        Agent(name="summer", model="gpt-test", output_type=Sum),
    )
}


def shown(result: AgentResult) -> dict[str, Any]:
    """A result as JSON."""
    output = result.output
    return {
        "output": output.model_dump() if isinstance(output, BaseModel) else output,
        "type": type(output).__name__,
        "status": result.status,
        "run_id": result.run_id,
        "items": [item.type for item in result.new_items],
        "requests": result.usage.requests,
        "waiting": [item.tool_name for item in result.interruptions],
    }


async def run(agent: str, input_items: Any, **more: Any) -> dict[str, Any]:
    """Run an agent and show its result."""
    return shown(await timestep.run_agent_workflow(AGENTS[agent], input_items, **more))


async def run_in_shop(name: str) -> dict[str, Any]:
    """Run with a context of our own class."""
    result = await timestep.run_agent_workflow(
        AGENTS["keeper"], "tell me the shop name", context=Shop(name)
    )
    return shown(result)


async def run_at_once(agent: str, input_items: str, times: int, **more: Any) -> list[Any]:
    """Run the same many times at once."""
    runs = [run(agent, input_items, **more) for _ in range(times)]
    return list(await asyncio.gather(*runs))


async def run_after_waits(agent: str, input_items: str, times: int) -> dict[str, Any]:
    """Begin a run and stop waiting for it, each time a little later; then wait for it."""
    ids = [f"given-up-{number}" for number in range(times)]
    for number, run_id in enumerate(ids):
        begun = asyncio.ensure_future(run(agent, input_items, workflow_id=run_id))
        await asyncio.wait({begun}, timeout=0.005 * number)
        begun.cancel()
    ended = await asyncio.gather(*(run(agent, input_items, workflow_id=one) for one in ids))
    return {"statuses": [one["status"] for one in ended]}


async def processed(agent: str, input_items: str) -> object:
    """Run with a processor of the result that is a coroutine."""

    async def process(result: AgentResult) -> str:
        await asyncio.sleep(0)
        return f"processed {result.output}"

    return await timestep.run_agent_workflow(AGENTS[agent], input_items, result_processor=process)


async def stream(agent: str, input_items: str, **more: Any) -> dict[str, Any]:
    """Stream a run: the kinds of its events, its text, and the result."""
    result = await timestep.run_agent_workflow(AGENTS[agent], input_items, stream=True, **more)
    kinds, text = [], ""
    async for event in result.stream_events():
        data = getattr(event, "data", None)
        kinds.append(getattr(event, "name", event.type))
        text += getattr(data, "delta", "") if data and "output_text.delta" in data.type else ""
    return {"kinds": kinds, "text": text} | shown(await result.wait())


async def followed(run_id: str, after: int = 0) -> list[dict[str, Any]]:
    """All events of a run."""
    return [event async for event in timestep.follow(run_id, after=after)]


async def decide(agent: str, input_items: str, approve: bool, **more: Any) -> list[Any]:
    """The documented loop: run, decide each interruption, run on."""
    first = await timestep.run_agent_workflow(AGENTS[agent], input_items, **more)
    state = first.to_state()
    for item in state.get_interruptions():
        if approve:
            state.approve(item)
        else:
            state.reject(item, rejection_message="not today")
    second = await timestep.run_agent_workflow(AGENTS[agent], state)
    return [shown(first), shown(second)]


async def queue(agent: str, input_items: str, **more: Any) -> str:
    """Queue a run, on the event loop; its id."""
    return timestep.queue_agent_workflow(AGENTS[agent], input_items, **more).run_id


async def queue_and_wait(agent: str, input_items: str, **more: Any) -> list[Any]:
    """Queue a run: its status before, its result, its status after."""
    handle = timestep.queue_agent_workflow(AGENTS[agent], input_items, **more)
    before = handle.get_status()
    return [before, shown(await handle.get_result()), handle.get_status()]


async def queue_and_cancel(agent: str, input_items: str, after: float, **more: Any) -> Any:
    """Queue a run and cancel it."""
    handle = timestep.queue_agent_workflow(AGENTS[agent], input_items, **more)
    await asyncio.sleep(after)
    handle.cancel()
    return shown(await handle.get_result())


async def set_queue(name: str, **limits: Any) -> None:
    """Configure a queue."""
    timestep.configure_queue(name, **limits)


async def plain(agent: str, run_input: str, stream: bool = False) -> Any:
    """A run that is not durable."""
    result = await timestep.run_agent(AGENTS[agent], run_input, stream=stream)
    if stream:
        async for _ in result.stream_events():
            pass
    return result.final_output
