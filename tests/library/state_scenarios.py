"""Scenarios with saved states and sessions, for the driven program."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from agents import (
    Agent,
    OpenAIConversationsSession,
    RunConfig,
    RunContextWrapper,
    Runner,
    RunState,
    SQLiteSession,
    function_tool,
    handoff,
)
from agents.extensions import handoff_filters
from agents.extensions.memory import SQLAlchemySession
from agents.testing import ScriptedModel, function_call

import timestep
from tests.campaign.tools import fetch, pay
from tests.library.scenarios import Shop, Sum, shown
from tests.stack import asynchronous_url
from timestep import TimestepSession


@function_tool(needs_approval=True)
async def open_shop(context: RunContextWrapper[Shop], tag: str) -> str:
    """Open the shop, if one may."""
    return f"opened {type(context.context).__name__} {context.context.name} for {tag}"


KEEPER: Agent[Any] = Agent(name="shopkeeper", model="gpt-test", tools=[open_shop])
PAYER: Agent[Any] = Agent(name="payer", model="gpt-test", tools=[fetch, pay])
BOSS: Agent[Any] = Agent(
    name="boss", model="gpt-test", tools=[PAYER.as_tool("ask_payer", "Ask the payer.")]
)
BACK: Agent[Any] = Agent(
    name="back", model="gpt-test", instructions="At the back.", tools=[fetch, pay], output_type=Sum
)
FRONT: Agent[Any] = Agent(
    name="front",
    model="gpt-test",
    instructions="At the front.",
    tools=[fetch],
    handoffs=[handoff(BACK, input_filter=handoff_filters.remove_all_tools)],
)
ABOVE: Agent[Any] = Agent(
    name="above",
    model="gpt-test",
    instructions="Above.",
    tools=[fetch, FRONT.as_tool("ask_front", "Ask.")],
)
AGENTS = {agent.name: agent for agent in (PAYER, BOSS, KEEPER, FRONT, ABOVE)}


def session(kind: str, name: str, place: str = "") -> Any:
    """A live session of a kind."""
    if kind == "openai":
        return OpenAIConversationsSession(conversation_id=name or None)
    if kind == "sqlite":
        return SQLiteSession(name, place)
    if kind == "sqlalchemy":
        url = asynchronous_url(os.environ.get("PG_CONNECTION_URI"), Path(f"{place}-alchemy"))
        return SQLAlchemySession.from_url(name, url=url, create_tables=True)
    return TimestepSession(name) if kind == "own" else name


async def begin(
    input_items: str, session_id: str = "", agent: str = "payer", **more: Any
) -> dict[str, Any]:
    """Run until it waits."""
    given = {"session": session_id or None} | more
    return shown(await timestep.run_agent_workflow(AGENTS[agent], input_items, **given))


async def begin_in_shop(input_items: str, session_id: str, name: str) -> dict[str, Any]:
    """Run until it waits, with a context of our own class."""
    return await begin(input_items, session_id, "shopkeeper", context=Shop(name))


async def decide_loaded(
    session_id: str,
    approve: list[str] | None = None,
    reject: dict[str, str] | None = None,
    always: bool = False,
    agent: str = "payer",
    run_id: str | None = None,
) -> dict[str, Any]:
    """Load what waits, decide on some of it, by the tags in the arguments, and run on."""
    async with timestep.RunStateStore(AGENTS[agent], session_id) as store:
        state = await store.load(run_id)
        _decide(state, approve or [], reject or {}, always)
        result = await timestep.run_agent_workflow(AGENTS[agent], state, session_id)
        return shown(result)


def _decide(
    state: RunState[Any, Any], approve: list[str], reject: dict[str, str], always: bool
) -> None:
    for item in state.get_interruptions():
        tag = json.loads(item.arguments or "{}")["tag"]
        if tag in approve:
            state.approve(item, always_approve=always)
        elif tag in reject:
            state.reject(item, rejection_message=reject[tag])


async def decide_unbound(session_id: str) -> dict[str, Any]:
    """Load what waits, lose its bond, approve all, and run on."""
    store = timestep.RunStateStore(PAYER, session_id)
    raw = (await store.load()).to_json()
    state = await RunState.from_json(PAYER, raw)
    for item in state.get_interruptions():
        state.approve(item)
    return shown(await timestep.run_agent_workflow(PAYER, state))


async def revisions(session_id: str) -> list[Any]:
    """What is saved for a session."""
    rows = await timestep.RunStateStore(PAYER, session_id).list()
    return [[row.run_id, row.revision, row.waiting] for row in rows]


async def plain_state_goes_on_durably(tag: str) -> dict[str, Any]:
    """A run that is not durable waits; its state is saved, loaded, and goes on durably."""
    call = function_call("pay", {"tag": tag, "seconds": 0}, call_id=f"plain-{tag}")
    playing = PAYER.clone(model=ScriptedModel([[call]]))
    quiet = RunConfig(tracing_disabled=True)
    result = await Runner.run(playing, f"plain {tag}", run_config=quiet)
    store = timestep.RunStateStore(PAYER, f"session {tag}")
    await store.save(result.to_state())
    state = await store.load()
    state.approve(state.get_interruptions()[0])
    return shown(await timestep.run_agent_workflow(PAYER, state))


async def talk(kind: str, name: str, inputs: list[str], place: str = "") -> dict[str, Any]:
    """Runs of one session, one after the other, and what is in the session then."""
    live = session(kind, name, place)
    outputs = []
    for text in inputs:
        result = await timestep.run_agent_workflow(PAYER, text, session=live)
        outputs.append(result.output)
    if isinstance(live, str):
        live = TimestepSession(live)
    return {"outputs": outputs, "items": list(map(dict, await live.get_items()))}


async def pay_in_session(kind: str, name: str, place: str) -> dict[str, Any]:
    """A run of a session waits, and is loaded by the session's id, approved, and goes on."""
    live = session(kind, name, place)
    await timestep.run_agent_workflow(PAYER, f"pay {name}", session=live)
    state = await timestep.RunStateStore(PAYER, session_id=live.session_id).load()
    state.approve(state.get_interruptions()[0])
    result = await timestep.run_agent_workflow(PAYER, state, live)
    return shown(result) | {"items": list(map(dict, await live.get_items()))}


async def run_in_file(input_items: str, name: str, place: str) -> dict[str, Any]:
    """A run of a session in a file."""
    live = session("sqlite", name, place)
    return shown(await timestep.run_agent_workflow(PAYER, input_items, session=live))


async def queue_in_file(input_items: str, name: str, place: str) -> str:
    """Queue a run of a session in a file; its id."""
    live = session("sqlite", name, place)
    return timestep.queue_agent_workflow(PAYER, input_items, session=live).run_id


async def queue_decided(session_id: str, approve: list[str], workflow_id: str | None) -> str:
    """Load what waits, decide, and queue the state; the id of the run that ends with it."""
    async with timestep.RunStateStore(PAYER, session_id) as store:
        state = await store.load()
        _decide(state, approve, {}, always=False)
        handle = timestep.queue_agent_workflow(PAYER, state, workflow_id=workflow_id)
        result = await handle.get_result()
        return f"{result.run_id} {result.status}"
