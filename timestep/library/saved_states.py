"""What a `RunStateStore` does, on the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from agents import Agent, RunState

from timestep.digests import digest
from timestep.engine.state_store import bond_of, restored
from timestep.engine.states import as_raw
from timestep.engine.threads import in_thread
from timestep.engine.travel import CannotTravel, describe
from timestep.errors import NotLaunched, TimestepError
from timestep.library.databases import has_tables
from timestep.library.setup import is_launched
from timestep.services import states
from timestep.services.states import SavedRevision

P = ParamSpec("P")
R = TypeVar("R")


class OtherAgent(TimestepError):
    """A saved state belongs to a run of another agent, or of this one before it was changed."""


async def save(agent: Agent[Any], session_id: str, state: RunState[Any, Any]) -> SavedRevision:
    """Save a state beside the engine's own, or as the session's next revision."""
    raw, bond = as_raw(state), bond_of(state)
    if bond is not None:
        row = await _ask(states.save_by_program, bond.run_id, bond.revision, raw)
    else:
        row = await _ask(states.save_plain, session_id, agent.name, _digest(agent), raw)
    return await _ask(states.revision_of, row)


async def load(agent: Agent[Any], session_id: str, run_id: str | None) -> RunState[Any, Any]:
    """The state that waits for decisions, bound to its run."""
    row = await _ask(states.find, session_id, agent.name, run_id)
    if row.run is not None:
        refuse_other_agent(agent, row.run.spec.body, f"run {row.run_id}")
    elif row.spec_digest and row.spec_digest != _digest(agent):
        _refuse(agent, f"the state saved for agent {row.agent!r}")
    return await restored(agent, row)


async def revisions(agent: Agent[Any], session_id: str) -> list[SavedRevision]:
    """All revisions that are saved for the session, oldest first."""
    return await _ask(states.revisions, session_id, agent.name)


async def clear(agent: Agent[Any], session_id: str) -> int:
    """Delete what none of the session's runs needs any more."""
    return await _ask(states.forget, session_id, agent.name)


def refuse_other_agent(agent: Agent[Any], spec: dict[str, Any], of: str) -> None:
    """A run goes on with the agents that it was launched with, and with no others.

    Raises:
        OtherAgent: The agent's description differs from the spec's.
    """
    here = _digest(agent)
    if here and _agents_of(spec) != here:
        _refuse(agent, of)


def _refuse(agent: Agent[Any], of: str) -> None:
    raise OtherAgent(
        f"{of} is of another agent than {agent.name!r}, or of this one before it was changed; "
        "load it with the agent that it was made with"
    )


def _digest(agent: Agent[Any]) -> str:
    """What the agent is described by; empty if it cannot travel and so has no description."""
    try:
        return _agents_of(describe(agent, session=True))
    except CannotTravel:
        return ""


def _agents_of(spec: dict[str, Any]) -> str:
    """The digest of a spec's agents, without what a launch adds to them."""
    return digest({"start": spec.get("start"), "agents": spec.get("agents")})


async def _ask(question: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    if not is_launched() and not await in_thread(has_tables):
        raise NotLaunched("the database has no tables yet: call ensure_dbos_launched() first")
    return await in_thread(question, *args, **kwargs)
