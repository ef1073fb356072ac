"""One execution of a segment in this process: who it is, its step ids, its events, its end.

Everything durable that happens inside the SDK's `Runner` finds its execution through the
`current_scope` context variable, which the SDK's own tasks inherit.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from agents import FunctionTool, RawResponsesStreamEvent, StreamEvent
from agents.items import TResponseStreamEvent
from dbos import DBOS, StepReservation

from timestep.engine.approved import Approved
from timestep.engine.executing_time import ExecutingTime
from timestep.engine.holds import Holds
from timestep.engine.lease import Lease
from timestep.engine.step_ids import StepIds, nested_steps
from timestep.engine.threads import in_thread, submit
from timestep.engine.writer import EventWriter, PendingEvent
from timestep.models import Run
from timestep.storable import storable

# Attempts of one step rise with every execution of its segment and every try within it.
TRIES_PER_EPOCH = 100
MAX_TRACEBACK_CHARACTERS = 20_000
MAX_MESSAGE_CHARACTERS = 2_000
_STEPS_AFTER_TRIP = 4


@dataclass(frozen=True)
class Abort:
    """Why an execution stopped before its end.

    `reason` is `failed`, `timed_out`, `cancelled`, `lost` (another worker has the run),
    `stopped` (this process ends) or `lacking` (it cannot build the agents, and another may).
    """

    reason: str
    error: dict[str, Any] | None = None


@dataclass(frozen=True)
class Ended:
    """A run that ended here, as its row has it, and the SDK's state at its end where it is kept."""

    run: Run
    state: dict[str, Any] | None = None


Listener = Callable[[StreamEvent], None]


@dataclass
class Scope:
    """Step ids of one (possibly nested) run of the SDK's loop, and those kept for its calls."""

    execution: Execution
    ids: StepIds
    parent_call_id: str | None = None
    # The agents on whose behalf it runs: who began the run, and who called the agents of this one.
    within: frozenset[str] = frozenset()
    steps: dict[str, StepReservation] = field(default_factory=dict)
    nested: dict[str, Scope] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)
    tool_errors: dict[str, str] = field(default_factory=dict)
    # What people approved of the calls that this run of the loop goes on with.
    approved: dict[str, Approved] = field(default_factory=dict)
    # The tools that were called, by agent and name; shared with nested runs.
    called: dict[tuple[str, str], FunctionTool] = field(default_factory=dict)
    # For what stands around a call: its guardrails, and the function that says if it asks.
    around: dict[str, StepIds] = field(default_factory=dict)
    asks: dict[str, bool] = field(default_factory=dict)
    # By the identity of the guardrail; those that race the model.
    guardrails: dict[int, StepReservation] = field(default_factory=dict)
    # What MCP servers offer, as listed first in this run of the loop or in the one around it.
    mcp_tools: dict[Any, Any] = field(default_factory=dict)
    # What functions said in this turn of whether a tool or a handoff is offered.
    enabled: dict[int, bool] = field(default_factory=dict)
    # The calls of the last response that tools on this machine make, by their ids.
    local_calls: dict[str, Any] = field(default_factory=dict)
    # Whose turn it is, and the SDK's context of it.
    agent: Any = None
    context: Any = None
    handoff_call: str = ""
    # The step of the last answer, and whether a call of it was made.
    answer: int | None = None
    answer_used: bool = False
    # The calls of the last responses that no tool of the agent answers, by their ids.
    missing: dict[str, dict[str, Any]] = field(default_factory=dict)
    # The row of the call that runs this loop, where that is an agent used as a tool.
    parent_step: str = ""
    tripped: bool = False
    _after_trip: StepIds | None = None

    def reserve_guardrails(self, guardrails: Iterable[object]) -> None:
        """Keep an id for each guardrail that runs beside the model, before the loop starts."""
        fresh = [one for one in guardrails if id(one) not in self.guardrails]
        for one in fresh:
            self.guardrails[id(one)] = self.ids.take()
        if fresh and self._after_trip is None:
            self._after_trip = self.ids.sub(_STEPS_AFTER_TRIP)

    def guardrail_step(self, guardrail: object) -> StepReservation:
        """The step of a guardrail: the one that was kept for it, or the next."""
        return self.guardrails.pop(id(guardrail), None) or self.ids.take()

    @property
    def session_ids(self) -> StepIds:
        """Where the steps of session operations come from.

        How far the model got before a guardrail stopped it differs between executions, and so
        does its share of the ids; what the SDK still writes then must have ids of its own.
        """
        return self._after_trip if self.tripped and self._after_trip is not None else self.ids

    def reserve_call(self, call_id: str, *, block: int | None = None, around: int = 0) -> None:
        """Keep ids for a call, before any tool of its response starts.

        Args:
            call_id: The call.
            block: Where it runs an agent, the number of the agent's block of ids.
            around: How many steps its guardrails and its approval may take.
        """
        if call_id in self.steps or call_id in self.nested:
            return
        if around:
            self.around[call_id] = self.ids.sub(around)
        if block is not None:
            self.nested[call_id] = Scope(
                self.execution,
                nested_steps(block),
                call_id,
                verdicts=self.verdicts,
                called=self.called,
                mcp_tools=dict(self.mcp_tools),
                parent_step=self._call_step(call_id),
            )
        else:
            self.steps[call_id] = self.ids.take()

    def emit(
        self, kind: str, payload: dict[str, Any], *, step_id: int | None = None, attempt: int = 0
    ) -> None:
        """Emit an event of this scope; events of nested agents name the call they belong to."""
        step = "" if step_id is None else self.execution.step_name(step_id)
        self.execution.emit(kind, self._placed(payload), step=step, attempt=attempt)

    def relay(self, event: TResponseStreamEvent) -> None:
        """Pass a model's event on to whoever streams the run; nested agents are not streamed."""
        if self.parent_call_id is None:
            self.execution.tell(RawResponsesStreamEvent(event))

    def emit_call(self, kind: str, payload: dict[str, Any]) -> None:
        """Emit an event of a call that runs an agent.

        It is no step: its steps are inside. The name made of its id is the same in every
        execution and segment, so that a replay adds nothing and a resume goes on with its row.
        """
        step = self._call_step(payload["call_id"])
        self.execution.emit(kind, self._placed(payload), step=step, attempt=1)

    def _call_step(self, call_id: str) -> str:
        # Agents that run at the same time may number their calls alike: the name tells whose.
        return _step_named(f"{self.parent_step}/{call_id}" if self.parent_step else call_id)

    def _placed(self, payload: dict[str, Any]) -> dict[str, Any]:
        if self.parent_call_id is None:
            return payload
        placed = payload | {"parent_call_id": self.parent_call_id}
        if self.parent_step not in ("", _step_named(self.parent_call_id)):
            placed["parent_step"] = self.parent_step  # Its name does not follow from the call.
        return placed


def _step_named(call: str) -> str:
    return f"call.{sha256(call.encode()).hexdigest()[:16]}"


current_scope: ContextVar[Scope | None] = ContextVar("timestep_scope", default=None)


def durable_scope() -> Scope | None:
    """The scope, if a step can be taken here: inside a run, and not inside another step."""
    scope = current_scope.get()
    return scope if scope is not None and DBOS.step_id is None else None


class Execution:
    """An execution of one segment by this worker under one epoch."""

    def __init__(
        self,
        run_id: str,
        n: int,
        epoch: int,
        writer: EventWriter,
        listeners: list[Listener] | None = None,
        holds: Holds | None = None,
        lease: Lease | None = None,
    ) -> None:
        self.run_id = run_id
        self.n = n
        self.epoch = epoch
        self.abort: Abort | None = None
        self.ended: Ended | None = None
        # Step ids of answers that a retry asks for again, and where the ids after each go on.
        self.renewed_steps: dict[int, int] = {}
        # The error that ended a run of the SDK's loop, and what is kept of the answer before it.
        self.failed_answer: tuple[BaseException, dict[str, Any] | None] | None = None
        self.listeners = listeners if listeners is not None else []
        self.holds = Holds() if holds is None else holds
        self._lease = Lease() if lease is None else lease
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Any] | None = None
        self._unrepeatable: dict[int, asyncio.Future[None]] = {}
        self.time = ExecutingTime(run_id, epoch)

    def emit(self, kind: str, payload: dict[str, Any], *, step: str = "", attempt: int = 0) -> None:
        """Hand an event to the writer under this execution's epoch."""
        self._writer.emit(PendingEvent(self.run_id, self.epoch, kind, payload, step, attempt))

    def tell(self, event: StreamEvent) -> None:
        """Tell whoever streams this run in this process; nothing of it is kept."""
        for listener in list(self.listeners):
            listener(event)

    def step_name(self, step_id: int) -> str:
        """A step's name in events: `<segment>.<DBOS step id>`."""
        return f"{self.n}.{step_id}"

    def attempt(self, try_number: int) -> int:
        """The attempt number of the try-th try under this epoch; a later one is always higher."""
        return (self.epoch - 1) * TRIES_PER_EPOCH + try_number

    async def flush(self) -> None:
        """Wait until the events emitted so far, and the time executed, are committed."""
        await asyncio.wrap_future(self._writer.flush())
        await self.time.written()

    def waiting(self) -> AbstractContextManager[None]:
        """While a step waits for its turn or for people: that is not executing time.

        The run's timer stands still where no call of another step is under way, and its row says
        so: whoever ends the run, or takes it over, counts only what was executed. Does not tell
        anybody; emit an event beside it.
        """
        return self.time.waiting()

    def lack_room(self, lacking: bool) -> None:
        """Say, from any thread, whether the disk is full: the run's timer stands still then."""
        self._loop.call_soon_threadsafe(self.time.lack_room, lacking)

    async def run(self, coroutine: Any) -> Any:
        """Run the SDK's loop so that `stop` can end it; raises `Aborted` if it did."""
        self._task = asyncio.ensure_future(coroutine)
        if self.abort is not None:
            self._task.cancel()
        try:
            return await self._task
        except asyncio.CancelledError:
            if self.abort is None:
                raise
            raise Aborted(self.abort) from None

    def stop(self, abort: Abort) -> None:
        """End this execution, from any thread; the first reason given counts."""
        self._loop.call_soon_threadsafe(self._stop, abort)

    def _stop(self, abort: Abort) -> None:
        if self.abort is not None:
            return
        self.abort = abort
        if self._task is not None:
            self._task.cancel()

    async def fail(self, what: str, step_id: int | None, error: BaseException) -> None:
        """Fail the run because of a step, without recording the step: a retry does it again.

        Does not return: an exception would reach the SDK, which turns some of them into text
        for the model, and DBOS, which would record them as the step's outcome for ever.
        """
        step = "" if step_id is None else self.step_name(step_id)
        if step_id is not None:
            self._settle(step_id)
        if others := list(self._unrepeatable.values()):
            await asyncio.wait(others)
        self._stop(Abort("failed", describe_error(what, step, error)))
        await asyncio.Event().wait()

    async def lose(self) -> None:
        """Stop because another worker has the run, without recording the step. Does not return."""
        self._stop(Abort("lost"))
        await asyncio.Event().wait()

    async def keep_lease(self) -> None:
        """Be sure that the run is this process's, right before a call outside of the database.

        Nothing may be awaited between this and the call. Where the lease was not renewed lately
        this process may have stood still: it renews now, or the execution is lost, and this does
        not return. Else it asks nobody and yields to nobody.
        """
        # Again after it was renewed: it may have stood still meanwhile.
        while not self._lease.is_fresh():
            if not await in_thread(self._lease.renew_for, self.run_id, self.epoch):
                await self.lose()

    def keep_lease_in_thread(self) -> None:
        """The same in a thread that a call is about to be made in; raises where it is lost."""
        while not self._lease.is_fresh():
            if not submit(self._lease.renew_for, self.run_id, self.epoch).result():
                # Heard before the thread's end is: the call was not made, and nobody is told.
                self.stop(Abort("lost"))
                raise asyncio.CancelledError

    @contextmanager
    def unrepeatable(self, step_id: int) -> Iterator[Callable[[], None]]:
        """Around a call that must not be repeated, up to its checkpoint.

        A failure elsewhere in the run waits for it: cut off, its outcome would be unknown.

        Yields:
            To be called when the call is about to be made: until then it may be cut off.
        """

        def begins() -> None:
            self._unrepeatable[step_id] = self._loop.create_future()

        try:
            yield begins
        finally:
            self._settle(step_id)

    def _settle(self, step_id: int) -> None:
        done = self._unrepeatable.pop(step_id, None)
        if done is not None:
            done.set_result(None)


class Aborted(Exception):
    """The execution was stopped; `abort` says why."""

    def __init__(self, abort: Abort) -> None:
        super().__init__(abort.reason)
        self.abort = abort


def describe_error(what: str, step: str, error: BaseException) -> dict[str, Any]:
    """An error as the run keeps it: what failed, where, and the bounded traceback."""
    lines = traceback.format_exception(error)
    described = {
        "what": what,
        "step": step,
        "type": type(error).__name__,
        "message": str(error)[:MAX_MESSAGE_CHARACTERS] or type(error).__name__,
        "traceback": "".join(lines)[-MAX_TRACEBACK_CHARACTERS:],
    }
    return {key: storable(value) for key, value in described.items()}
