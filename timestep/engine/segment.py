"""The durable workflow: one segment of a run, from its claim to its end.

What replay depends on (the order and names of steps) is versioned by `ENGINE_VERSION`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from agents import Agent, AgentsException, RunConfig, Runner, RunResult, RunState
from dbos import DBOS
from dbos import error as dbos_error

from timestep.engine import claims, failed_answers, states
from timestep.engine.approved import approved_calls
from timestep.engine.asking import as_interruptions
from timestep.engine.build import build_agents, build_run_config
from timestep.engine.claims import Claim, Ending, Refusal
from timestep.engine.durable_agent import steps_around_tools
from timestep.engine.durable_agent_tools import racing_guardrails
from timestep.engine.durable_approval import goes_on
from timestep.engine.durable_guardrails import describe_tripwire
from timestep.engine.durable_mcp import mcp_connections
from timestep.engine.durable_session import session_of
from timestep.engine.durable_tools import final_as_json
from timestep.engine.execution import (
    Abort,
    Aborted,
    Ended,
    Execution,
    Scope,
    current_scope,
    describe_error,
)
from timestep.engine.executions import Executions
from timestep.engine.fitness import Fitness
from timestep.engine.holds import Stopped
from timestep.engine.relay import Relay
from timestep.engine.step_ids import StepIds
from timestep.engine.threads import in_thread
from timestep.engine.tools.registry import RegisteredTool
from timestep.engine.travel import CannotTravel, build_value
from timestep.errors import SpecNotBuildable
from timestep.ids import segment_id
from timestep.models import Run, RunStatus
from timestep.services.states import SegmentStart, segment_start

logger = logging.getLogger(__name__)

WORKFLOW_NAME = "timestep.segment"

_STATUS_OF_ABORT = {
    "failed": RunStatus.FAILED,
    "timed_out": RunStatus.TIMED_OUT,
    "cancelled": RunStatus.CANCELLED,
}


@dataclass(frozen=True)
class Host:
    """What a process that executes segments gives them."""

    worker_id: str
    tools: dict[str, RegisteredTool]
    executions: Executions
    fitness: Fitness


class _Current:
    """The process's host; DBOS calls the workflow by name, so it cannot be an argument."""

    host: Host | None = None


def host_segments(host: Host | None) -> None:
    """Set what segments executed in this process use; None when the process stops."""
    _Current.host = host


def stopped_here() -> Stopped | None:
    """What people have stopped, as this process knows; None where nobody has looked lately."""
    return None if _Current.host is None else _Current.host.executions.holds.latest()


@DBOS.workflow(name=WORKFLOW_NAME)
async def run_segment(run_id: str, n: int) -> dict[str, Any]:
    """Execute a segment: claim the run, go on, and write how it ended."""
    host = _Current.host
    if host is None:
        raise RuntimeError("host_segments() comes before DBOS is launched")
    executes = run_id in host.executions.run_ids()
    claimed = await in_thread(claims.claim, run_id, n, host.worker_id, executes)
    if isinstance(claimed, Refusal):
        return await _refused(run_id, n, claimed)
    execution = host.executions.start(run_id, n, claimed.epoch)
    renewed = claimed.segment.renewed_steps
    execution.renewed_steps = {int(step): at for step, at in renewed.items()}
    try:
        if claimed.unknown:
            await _park(run_id, n)
            await in_thread(claims.ask_outcomes, run_id, n, claimed.epoch, claimed.unknown)
            raise _parked(run_id, n)
        return await _executed(host, claimed, execution)
    finally:
        host.executions.finish(execution)


async def _refused(run_id: str, n: int, refusal: Refusal) -> dict[str, Any]:
    if refusal.owned_elsewhere:
        raise dbos_error.DBOSWorkflowConflictIDError(segment_id(run_id, n))
    if refusal.parked:
        await _park(run_id, n)
        raise _parked(run_id, n)
    return {"status": refusal.status}


async def _park(run_id: str, n: int) -> None:
    """Leave the DBOS workflow cancelled: its finished steps stay, and it can be resumed.

    A workflow that ended with an error could not be; so failed, timed out and cancelled runs,
    and those that wait for the outcome of a call, all end this way. Parked before the row says
    so: a retry that comes at once must find the workflow parked already.
    """
    await in_thread(DBOS.cancel_workflow, segment_id(run_id, n))


def _parked(run_id: str, n: int) -> dbos_error.DBOSWorkflowCancelledError:
    return dbos_error.DBOSWorkflowCancelledError(
        f"{segment_id(run_id, n)} is parked; its run says why"
    )


async def _executed(host: Host, claimed: Claim, execution: Execution) -> dict[str, Any]:
    run, n = claimed.run, claimed.segment.n
    try:
        finish = await _gone_on(host, claimed, execution)
    except Aborted as aborted:
        await _end_aborted(execution, aborted.abort)
        raise _parked(run.run_id, n) from None
    except Exception as error:  # noqa: BLE001 - the SDK, a guardrail, the spec: the run keeps it
        abort = await _abort_for(error, host, run)
        await _end_aborted(execution, abort, _answer_of(execution, error))
        raise _parked(run.run_id, n) from None
    await execution.flush()
    if not await finish():
        raise dbos_error.DBOSWorkflowConflictIDError(segment_id(run.run_id, n))
    return {"status": "ended"}


async def _abort_for(error: Exception, host: Host, run: Run) -> Abort:
    """The run has failed; but not where the process alone lacks something, which others may have.

    It was taken as one that can be built here: a part is gone since, or it was looked at too early.
    """
    lacking = isinstance(error, SpecNotBuildable)
    if lacking and await in_thread(host.fitness.misjudged, run.spec):
        return Abort("lacking")
    described = describe_tripwire(error) or describe_error(f"agent {run.agent}", "", error)
    return Abort("failed", described)


def _answer_of(execution: Execution, error: BaseException) -> dict[str, Any] | None:
    noted = execution.failed_answer
    return noted[1] if noted is not None and noted[0] is error else None


async def _end_aborted(
    execution: Execution, abort: Abort, answer: dict[str, Any] | None = None
) -> None:
    run_id, n = execution.run_id, execution.n
    if abort.reason == "lost":
        raise dbos_error.DBOSWorkflowConflictIDError(segment_id(run_id, n))
    await execution.flush()
    if not await in_thread(claims.holds, run_id, execution.epoch):
        # Not even parked: the workflow is another worker's by now.
        raise dbos_error.DBOSWorkflowConflictIDError(segment_id(run_id, n))
    await _park(run_id, n)
    if abort.reason == "stopped":
        return  # The process ends, and its rows say whose the run was: another takes it over.
    if abort.reason == "lacking":
        await in_thread(claims.give_back, run_id, n, execution.epoch)
        return
    fields = {"error": abort.error} if abort.error else {}
    ending = Ending(_STATUS_OF_ABORT[abort.reason], True, fields, failed_answer=answer)
    await _ended(execution, ending)


async def _ended(execution: Execution, ending: Ending) -> bool:
    """Write the end of the run; False where another worker has it."""
    run = await in_thread(claims.end, execution.run_id, execution.n, execution.epoch, ending)
    execution.ended = None if run is None else Ended(run, ending.state)
    return run is not None


async def _gone_on(
    host: Host, claimed: Claim, execution: Execution
) -> Callable[[], Awaitable[bool]]:
    """Run the SDK's loop until it ends or waits; returns what writes that down."""
    run = claimed.run
    scope = Scope(execution, StepIds(), within=frozenset({run.agent}))
    token = current_scope.set(scope)
    timer = _start_timer(claimed, execution)
    try:
        async with mcp_connections():
            result, state = await _ran(host, claimed, execution, scope)
    except AgentsException as error:
        failed_answers.note(scope, error)
        raise
    finally:
        timer()
        current_scope.reset(token)
    if state is None:
        output = final_as_json(result.final_output)
        kept = _kept(run, result) if run.spec.is_of_program else None
        ending = Ending(RunStatus.SUCCEEDED, False, {"final_output": output}, kept)
        return lambda: _ended(execution, ending)
    waiting = await as_interruptions(state, scope)
    raw = states.as_raw(state)
    return lambda: in_thread(
        claims.interrupt, run.run_id, execution.n, execution.epoch, raw, waiting
    )


def _kept(run: Run, result: RunResult) -> dict[str, Any] | None:
    """The state at the end, for programs; the run has succeeded with or without it."""
    try:
        return states.as_raw(result.to_state())
    except (CannotTravel, AgentsException) as error:
        logger.warning("run %s keeps no state of its end: %s", run.run_id, error)
        return None


async def _ran(
    host: Host, claimed: Claim, execution: Execution, scope: Scope
) -> tuple[RunResult, RunState[Any, Any] | None]:
    """Build the agents and run them, from the start or from where the run was interrupted."""
    run, revision = claimed.run, claimed.segment.revision
    agent = build_agents(run.spec.body, host.tools)
    config = build_run_config(run.spec.body, run.agent)
    if revision is None:
        scope.reserve_guardrails(racing_guardrails(agent, config))
        return await _loop(agent, config, run.input, claimed, execution, scope)
    saved = await in_thread(segment_start, run.run_id, revision)
    decisions, max_turns = claimed.segment.decisions, claimed.segment.max_turns
    start = await execution.run(_resumed(agent, saved, decisions, scope, max_turns))
    return await _loop(agent, config, start, claimed, execution, scope)


def _context(run: Run) -> Any:
    described = run.context is not None and run.spec.is_of_program
    return build_value(run.context) if described else run.context


def _start_timer(claimed: Claim, execution: Execution) -> Callable[[], None]:
    """Stop the execution when the run's executing time is used up; returns the way to call off."""
    if claimed.remaining_seconds is None:
        return lambda: None
    seconds = claimed.run.timeout_seconds
    error = {
        "what": f"run {claimed.run.run_id}",
        "step": "",
        "type": "RunTimedOut",
        "message": f"The run used its {seconds:g} s of executing time.",
        "traceback": "",
    }
    used_up = Abort("timed_out", error)
    return execution.time.limit(claimed.remaining_seconds, lambda: execution.stop(used_up))


async def _resumed(
    agent: Agent[Any],
    saved: SegmentStart,
    decisions: list[dict[str, Any]],
    scope: Scope,
    max_turns: int | None,
) -> RunState[Any, Any]:
    state = await states.restore(agent, saved.state)
    approved, before = approved_calls(decisions), approved_calls(saved.edits)
    around = steps_around_tools(agent)
    states.reserve_for_resume(scope, saved.state, around, approved=approved, before=before)
    states.refuse_unplaced(approved)
    states.apply_decisions(state, decisions, by_program=saved.by_program)
    if max_turns is not None:
        state._max_turns = max_turns
    return state


async def _loop(
    agent: Agent[Any],
    config: RunConfig,
    start: Any,
    claimed: Claim,
    execution: Execution,
    scope: Scope,
) -> tuple[RunResult, RunState[Any, Any] | None]:
    """Run until the end, or until a call waits that the gate has not allowed."""
    approved: set[str] = set()
    while True:
        result = await execution.run(_runner(agent, config, start, claimed, execution))
        if not result.interruptions:
            return result, None
        state = result.to_state()
        # The SDK asks for approval of calls whose arguments it cannot read, whatever the gate
        # said; such a call goes on, and its tool tells the model what is wrong with them.
        allowed = [
            item for item in state.get_interruptions() if goes_on(scope, states.call_id_of(item))
        ]
        fresh = [item for item in allowed if states.call_id_of(item) not in approved]
        if not fresh:
            return result, state
        for item in fresh:
            state.approve(item)
            approved.add(states.call_id_of(item))
        start = state


async def _runner(
    agent: Agent[Any], config: RunConfig, start: Any, claimed: Claim, execution: Execution
) -> RunResult:
    run = claimed.run
    hooks = Relay(execution) if execution.listeners else None
    async with session_of(run.session_id, run.session_spec) as session:
        if isinstance(start, RunState):
            # The context is in the state; passing it again would make the SDK ignore approvals.
            return await Runner.run(agent, start, session=session, run_config=config, hooks=hooks)
        return await Runner.run(
            agent,
            start,
            context=_context(run),
            hooks=hooks,
            max_turns=claimed.segment.max_turns or run.max_turns,
            session=session,
            run_config=config,
        )
