"""`RunStateStore`: the states of interrupted runs, for programs that decide themselves.

Imports no tables: programs name it before they configure.
"""

from __future__ import annotations

from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from timestep.errors import InvalidInput, TimestepError
from timestep.library.checks import check_agent, check_text
from timestep.library.setup import require_tables

if TYPE_CHECKING:
    from agents import Agent, RunState

    from timestep.services.states import SavedRevision


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
        require_tables()
        check_agent(agent)
        if session_id is not None and not isinstance(session_id, str):
            raise InvalidInput("session_id", "give the session's id: session.session_id")
        if connection_string is not None:
            from timestep.library.databases import refuse_other_database  # noqa: PLC0415

            refuse_other_database(connection_string)
        self.agent = agent
        self.session_id = session_id
        self._closed = False

    async def save(self, state: RunState[Any, Any]) -> SavedRevision:
        """Save a state with what was decided in it so far.

        A state that is bound to an interrupted run is kept beside the engine's own, which never
        changes; `load()` then gives this one. Any other state, such as one of a run that was not
        durable, becomes the next revision of the session, and waits until `clear()`.

        Args:
            state: `result.to_state()`, or what `load()` gave.

        Returns:
            What was saved.
        """
        from agents import RunState  # noqa: PLC0415 - slow

        if not isinstance(state, RunState):
            raise InvalidInput("state", "give what load() or result.to_state() gave")
        saved: SavedRevision = await self._saved().save(self.agent, self.session_id or "", state)
        return saved

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
        if run_id is not None:
            check_text("run_id", run_id)
        state: RunState[Any, Any] = await self._saved().load(
            self.agent, self.session_id or "", run_id
        )
        return state

    async def list(self) -> list[SavedRevision]:
        """All revisions that are saved for the session, oldest first."""
        rows: list[SavedRevision] = await self._saved().revisions(self.agent, self.session_id or "")
        return rows

    async def clear(self) -> int:
        """Delete what is saved for the session and needed by none of its runs any more.

        What a run still needs stays: that of runs that wait, are on their way, or may be
        retried. To give up a run that waits, cancel it.

        Returns:
            How many states were deleted.
        """
        count: int = await self._saved().clear(self.agent, self.session_id or "")
        return count

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

    def _saved(self) -> ModuleType:
        """The module that reads and writes the rows."""
        if self._closed:
            raise StoreClosed("this RunStateStore is closed; make another")
        from timestep.library import saved_states  # noqa: PLC0415 - see the module's docstring

        return saved_states
