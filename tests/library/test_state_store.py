"""`RunStateStore`: what programs load, decide and save, on rows alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, RunConfig, Runner, RunState
from agents.testing import ScriptedModel, function_call
from django.conf import settings

from tests.corpus.scenes import refund, send_mail
from tests.engine.unit.conftest import fresh_threads
from timestep import conf
from timestep.engine import travel
from timestep.engine.state_store import Bond, bond_of, decisions_in
from timestep.engine.threads import in_thread
from timestep.errors import InvalidInput
from timestep.library.results import result_of
from timestep.library.saved_states import OtherAgent
from timestep.library.state_store import RunStateStore, StoreClosed
from timestep.models import AgentSpec, Run, RunStatus, SavedState
from timestep.services.launch import launch
from timestep.services.resume import resume_by_program
from timestep.services.specs import store_spec
from timestep.services.states import (
    NothingSaved,
    SeveralInterrupted,
    StateUnreadable,
    save_interrupted,
)

__all__ = ["fresh_threads"]

MODEL = "demo/instant"

pytestmark = pytest.mark.usefixtures("transactional_db", "fresh_threads")


def _agent(name: str = "desk", **more: Any) -> Agent[Any]:
    return Agent(name=name, model=MODEL, tools=[refund, send_mail], **more)


async def _state(agent: Agent[Any], *numbers: int) -> RunState[Any, Any]:
    """A state in which a refund waits for each number."""
    calls = [function_call("refund", {"order_id": n}, call_id=f"c{n}") for n in numbers]
    playing = agent.clone(model=ScriptedModel([calls]))
    result = await Runner.run(playing, "please", run_config=RunConfig(tracing_disabled=True))
    return result.to_state()


def _interrupted(run_id: str, spec: AgentSpec, raw: dict[str, Any], **more: Any) -> Run:
    run = launch(run_id=run_id, spec=spec, agent="desk", input="please", **more)
    Run.objects.filter(pk=run_id).update(status=RunStatus.AWAITING_APPROVAL, revision=1)
    run.refresh_from_db()
    save_interrupted(run, raw)
    return run


async def _waiting(run_id: str, *numbers: int, **more: Any) -> Agent[Any]:
    """An interrupted run of the agent, which is returned."""
    agent = _agent()
    raw = (await _state(agent, *(numbers or (1,)))).to_json()
    spec = await in_thread(store_spec, travel.describe(agent))
    await in_thread(lambda: _interrupted(run_id, spec, raw, **more))
    return agent


async def test_a_loaded_state_is_bound_to_its_run_and_revision() -> None:
    agent = await _waiting("r", session_id="chat")
    state = await RunStateStore(agent, "chat").load()
    bond = bond_of(state)
    assert bond is not None
    assert (bond.run_id, bond.revision) == ("r", 1)
    assert [item.call_id for item in state.get_interruptions()] == ["c1"]
    assert bond_of(await RunState.from_json(agent, state.to_json())) is None


async def test_what_a_program_decides_is_found_in_the_state() -> None:
    agent = await _waiting("r", 1, 2, 3, session_id="chat")
    state = await RunStateStore(agent, "chat").load()
    first, second, _ = state.get_interruptions()
    assert decisions_in(state) == []
    state.approve(first)
    state.reject(second, rejection_message="no receipt")
    said = {"call_id": "c1", "approve": True, "reason": "", "always": False}
    assert decisions_in(state) == [
        said,
        said | {"call_id": "c2", "approve": False, "reason": "no receipt"},
    ]


async def test_an_approval_for_ever_says_so_and_covers_the_others() -> None:
    agent = await _waiting("r", 1, 2, session_id="chat")
    state = await RunStateStore(agent, "chat").load()
    state.approve(state.get_interruptions()[0], always_approve=True)
    assert [(d["call_id"], d["always"]) for d in decisions_in(state)] == [
        ("c1", True),
        ("c2", True),
    ]


async def test_each_state_of_a_result_has_decisions_of_its_own() -> None:
    agent = await _waiting("r", session_id="chat")
    result = await result_of("r", agent)
    one, other = result.to_state(), result.to_state()
    one.approve(result.interruptions[0])
    assert [d["call_id"] for d in decisions_in(one)] == ["c1"]
    assert decisions_in(other) == decisions_in(result.to_state()) == []
    digest = (await in_thread(Run.objects.get, pk="r")).spec_id
    assert bond_of(one) == bond_of(other) == Bond("r", 1, digest)


async def test_decisions_are_saved_beside_the_engines_state() -> None:
    agent = await _waiting("r", 1, 2, session_id="chat")
    async with RunStateStore(agent, "chat") as store:
        state = await store.load()
        state.approve(state.get_interruptions()[0])
        saved = await store.save(state)
        assert (saved.run_id, saved.revision, saved.waiting) == ("r", 1, True)
        assert [d["call_id"] for d in decisions_in(await store.load())] == ["c1"]
        assert len(await store.list()) == 1
        await store.clear()
        assert decisions_in(await store.load()) == []


async def test_a_state_of_a_run_that_is_not_durable_is_saved_and_loaded() -> None:
    agent, store = _agent(), RunStateStore(_agent(), "chat")
    for number in (1, 2):
        assert (await store.save(await _state(agent, number))).waiting
    state = await store.load()
    assert [item.call_id for item in state.get_interruptions()] == ["c2"]
    assert bond_of(state) is None
    rows = [(row.run_id, row.revision, row.waiting) for row in await store.list()]
    assert rows == [(None, 1, False), (None, 2, True)]
    assert await store.clear() == 2
    assert await store.list() == []


@pytest.mark.parametrize(
    ("session", "named"), [("chat", "session 'chat'"), (None, "agent 'desk' without a session")]
)
async def test_nothing_saved_is_a_file_that_is_not_found(session: str | None, named: str) -> None:
    with pytest.raises(FileNotFoundError, match=named) as missing:
        await RunStateStore(_agent(), session).load()
    assert isinstance(missing.value, NothingSaved)
    with pytest.raises(NothingSaved, match="run 'nope' has no saved state"):
        await RunStateStore(_agent(), session).load(run_id="nope")


async def test_several_interrupted_runs_are_named() -> None:
    agent = await _waiting("r1", session_id="chat")
    await _waiting("r2", session_id="chat")
    await _waiting("r3")
    store = RunStateStore(agent, "chat")
    with pytest.raises(SeveralInterrupted, match=r"runs r1, r2; .*load\(run_id=…\)") as several:
        await store.load()
    assert several.value.run_ids == ["r1", "r2"]
    bond = bond_of(await store.load(run_id="r2"))
    assert bond is not None
    assert bond.run_id == "r2"
    alone = bond_of(await RunStateStore(agent).load())
    assert alone is not None
    assert alone.run_id == "r3"


async def test_a_session_of_another_kind_is_found_by_the_id_that_its_program_knows() -> None:
    described = {"kind": "openai", "id": "conv_1"}
    agent = await _waiting("r", session_id="openai:0123456789:conv_1", session_spec=described)
    for name in ("conv_1", "openai:0123456789:conv_1"):
        assert bond_of(await RunStateStore(agent, name).load())


@pytest.mark.parametrize("other", [_agent(instructions="Be quick."), _agent("other")])
async def test_another_agent_is_refused_by_name(other: Agent[Any]) -> None:
    await _waiting("r", session_id="chat")
    with pytest.raises(OtherAgent, match=f"run r is of another agent than '{other.name}'"):
        await RunStateStore(other, "chat").load()


async def test_a_revision_that_was_resumed_waits_no_more() -> None:
    agent = await _waiting("r", session_id="chat")
    store = RunStateStore(agent, "chat")
    state = await store.load()
    state.approve(state.get_interruptions()[0])
    await in_thread(
        lambda: resume_by_program("r", 1, decisions_in(state), state=state.to_json(), by="program")
    )
    with pytest.raises(NothingSaved):
        await store.load()
    again = bond_of(await store.load(run_id="r"))
    assert again is not None
    assert again.revision == 1
    assert [row.waiting for row in await store.list()] == [False]


@pytest.mark.parametrize(
    ("status", "left"),
    [(status, 0 if status in ("succeeded", "cancelled") else 1) for status in RunStatus],
)
async def test_what_a_run_still_needs_is_not_cleared(status: RunStatus, left: int) -> None:
    agent = await _waiting("r", session_id="chat")
    await in_thread(Run.objects.filter(pk="r").update, status=status)
    await RunStateStore(agent, "chat").clear()
    assert await in_thread(SavedState.objects.count) == left


async def test_a_damaged_state_is_named_and_stays() -> None:
    agent = await _waiting("r", session_id="chat")
    await in_thread(SavedState.objects.update, body=b"spoilt")
    with pytest.raises(StateUnreadable, match="of run r, revision 1, is damaged"):
        await RunStateStore(agent, "chat").load()
    assert await in_thread(SavedState.objects.count) == 1


async def test_a_closed_store_says_so() -> None:
    async with RunStateStore(_agent(), "chat") as store:
        pass
    with pytest.raises(StoreClosed, match="make another"):
        await store.load()


def test_a_store_works_in_any_event_loop_one_after_the_other() -> None:
    store = RunStateStore(_agent(), "chat")
    for _ in range(2):
        with pytest.raises(NothingSaved):
            asyncio.run(store.load())


def test_a_session_that_is_no_id_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"session_id: .*session\.session_id"):
        RunStateStore(_agent(), Path("chat"))  # type: ignore[arg-type]


def test_the_database_in_use_may_be_named() -> None:
    RunStateStore(_agent(), "chat", conf.engine_database_url(settings.DATABASES["default"]))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://ana:hunter2@elsewhere/x", "another database"),
        ("sqlite:////tmp/elsewhere.sqlite3", "another database"),
        ("mysql://ana:hunter2@x/y", "cannot be read"),
        ("postgresql://[hunter2", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_another_database_is_refused_and_not_shown(url: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=f"connection_string: .*{says}") as refused:
        RunStateStore(_agent(), "chat", url)
    assert "hunter2" not in str(refused.value)
