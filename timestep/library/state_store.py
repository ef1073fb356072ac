"""`RunStateStore`: the states of interrupted runs, for programs that decide themselves."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from agents import Agent, RunState
from django.apps import apps

from timestep.digests import digest
from timestep.engine.state_store import bond_of, restored
from timestep.engine.threads import in_thread
from timestep.engine.travel import CannotTravel, describe
from timestep.errors import InvalidInput, NotLaunched, TimestepError
from timestep.library.databases import has_tables, refuse_other_database
from timestep.library.setup import configured
from timestep.models import SavedState
from timestep.services import states
from timestep.services.states import SavedRevision

P = ParamSpec("P")
R = TypeVar("R")


class OtherAgent(TimestepError):
    """A saved state belongs to a run of another agent, or of this one before it was changed."""


class StoreClosed(TimestepError):
    """The store was closed; make another."""


class RunStateStore:
    """Saved states of one session's runs, in the database of the runs.

    Interrupted runs are saved without being asked. Usable from any event loop, and as an
    asynchronous context manager.

    Args:
        agent: The agent that the runs start with.
        session_id: The session's id (`session.session_id`); None means runs of this agent that
            belong to no session.
        connection_string: The database that `configure_dbos()` settled on, if it is to be
            checked: a state belongs to its run, and both are in one database.

    Raises:
        NotConfigured: `configure_dbos()` was not called.
        InvalidInput: The connection string names another database.
    """

    def __init__(
        self,
        agent: Agent[Any],
        session_id: str | None = None,
        connection_string: str | None = None,
    ) -> None:
        if not apps.ready:
            configured()
        if session_id is not None and not isinstance(session_id, str):
            raise InvalidInput("session_id", "give the session's id: session.session_id")
        if connection_string is not None:
            refuse_other_database(connection_string)
        self.agent = agent
        self.session_id = session_id
        self._closed = False
        self._has_tables = False

    async def save(self, state: RunState[Any, Any]) -> SavedRevision:
        """Save a state with what was decided in it so far.

        A state that is bound to an interrupted run is kept beside the engine's own, which never
        changes; `load()` then gives this one. Any other state, such as one of a run that was not
        durable, becomes the next revision of the session.

        Args:
            state: `result.to_state()`, or what `load()` gave.

        Returns:
            What was saved.
        """
        raw, bond = state.to_json(), bond_of(state)
        if bond is not None:
            row = await self._ask(states.save_by_program, bond.run_id, bond.revision, raw)
        else:
            where = (self.session_id or "", self.agent.name)
            row = await self._ask(states.save_plain, *where, _digest(self.agent), raw)
        return await self._ask(states.revision_of, row)

    async def load(self, run_id: str | None = None) -> RunState[Any, Any]:
        """The saved state that waits for decisions, bound to its run and revision.

        Decide with `state.approve(item)` and `state.reject(item)` on each of
        `state.get_interruptions()`, and give it to `run_agent_workflow(agent, state, session)`,
        which then goes on with that run.

        Args:
            run_id: The run; needed only where several of the session wait.

        Raises:
            NothingSaved: There is none (also a `FileNotFoundError`).
            SeveralInterrupted: Several runs of the session wait; it names them.
            OtherAgent: The run was launched with another agent, or this one was changed since.
            StateUnreadable: The state is damaged, or of a schema that the SDK does not read.
        """
        row = await self._ask(states.find, self.session_id or "", self.agent.name, run_id)
        _refuse_other_agent(self.agent, row)
        return await restored(self.agent, row)

    async def list(self) -> list[SavedRevision]:
        """All revisions that are saved for the session, oldest first."""
        return await self._ask(states.revisions, self.session_id or "", self.agent.name)

    async def clear(self) -> int:
        """Delete what is saved for the session and needed by none of its runs any more.

        What a run still needs stays: that of runs that wait, are on their way, or may be
        retried. To give up a run that waits, cancel it.

        Returns:
            How many states were deleted.
        """
        return await self._ask(states.forget, self.session_id or "", self.agent.name)

    async def close(self) -> None:
        """End the use of this store; what is saved stays."""
        self._closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _ask(self, question: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if self._closed:
            raise StoreClosed("this RunStateStore is closed; make another")
        if not self._has_tables and not await in_thread(has_tables):
            raise NotLaunched("the database has no tables yet: call ensure_dbos_launched() first")
        self._has_tables = True
        return await in_thread(question, *args, **kwargs)


def _refuse_other_agent(agent: Agent[Any], row: SavedState) -> None:
    """A run goes on with the agents that it was launched with, and with no others."""
    known = _agents_of(row.run.spec.body) if row.run is not None else row.spec_digest
    here = _digest(agent)
    if known == here or not (known and here):
        return
    of = f"run {row.run_id}" if row.run_id else f"the state saved for agent {row.agent!r}"
    raise OtherAgent(
        f"{of} is of another agent than {agent.name!r}, or of this one before it was changed; "
        "load it with the agent that it was made with"
    )


def _digest(agent: Agent[Any]) -> str:
    """What the agent is described by; empty if it cannot travel and so has no description."""
    try:
        return _agents_of(describe(agent))
    except CannotTravel:
        return ""


def _agents_of(spec: dict[str, Any]) -> str:
    """The digest of a spec's agents, without what a launch adds to them."""
    return digest({"start": spec.get("start"), "agents": spec.get("agents")})
