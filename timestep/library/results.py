"""What a run has come to, read from its rows."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from agents import Agent, AgentOutputSchemaBase, RunState, ToolApprovalItem, Usage
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails
from pydantic import TypeAdapter, ValidationError

from timestep.engine.execution import Ended
from timestep.engine.state_store import restored
from timestep.engine.states import last_agent, restore
from timestep.engine.threads import in_thread
from timestep.errors import RunCancelled, RunFailed, RunTimedOut
from timestep.library.agent_result import AgentResult
from timestep.library.launching import in_own_loop
from timestep.models import Run, RunResult, RunStatus, SavedState
from timestep.models.states import unpacked
from timestep.services.states import find
from timestep.services.totals import show_totals_so_far

logger = logging.getLogger(__name__)

StateReader = Callable[[], Awaitable[RunState[Any, Any]]]

_ERRORS = {
    RunStatus.FAILED: RunFailed,
    RunStatus.TIMED_OUT: RunTimedOut,
    RunStatus.CANCELLED: RunCancelled,
}


async def result_of(run_id: str, agent: Agent[Any]) -> AgentResult:
    """The result of a run that has stopped, from its rows.

    Args:
        run_id: The run.
        agent: The agent that it started with.

    Raises:
        RunFailed: It failed; `RunTimedOut` and `RunCancelled` are kinds of it.
    """
    run, result, saved = await in_thread(_rows, run_id)
    if saved is None:
        return await ended_result(Ended(run, _kept(result)), agent)
    waiting = list((await restored(agent, saved)).get_interruptions())
    return _result(run, None, waiting, lambda: restored(agent, saved))


async def ended_result(ended: Ended, agent: Agent[Any]) -> AgentResult:
    """The result of a run that has ended. Raises as `result_of` does."""
    run, kept = ended.run, ended.state
    if error := _ERRORS.get(RunStatus(run.status)):
        raise error(run.run_id, run.error or {"what": "run", "message": f"is {run.status}"})
    output = typed_output(run.final_output, agent if kept is None else last_agent(agent, kept))
    if kept is None:
        return _result(run, output, [], None)
    # From a copy, since states may keep parts of what they were read from.
    return _result(run, output, [], lambda: restore(agent, json.loads(json.dumps(kept))))


def _result(
    run: Run, output: Any, waiting: list[ToolApprovalItem], state: StateReader | None
) -> AgentResult:
    """The result. The state is read only where somebody asks: it takes longer than a short run."""
    return AgentResult(
        run_id=run.run_id,
        status=run.status,
        final_output=output,
        interruptions=waiting,
        usage=_usage(run),
        _new_state=lambda: in_own_loop(_read(state)) if state else None,
    )


def _kept(result: RunResult | None) -> dict[str, Any] | None:
    """The state at the run's end; None where none is readable: the answer is in the run's row."""
    try:
        return None if result is None else unpacked(result.body)
    except ValueError as error:
        logger.warning("the state of a run that ended is damaged: %s", error)
        return None


async def _read(state: StateReader) -> RunState[Any, Any]:
    return await state()


def _rows(run_id: str) -> tuple[Run, RunResult | None, SavedState | None]:
    run = Run.objects.get(run_id=run_id)
    saved = None
    if run.status == RunStatus.AWAITING_APPROVAL and run.revision:
        saved = find("", run.agent, run_id)
    return show_totals_so_far(run), RunResult.objects.filter(run_id=run_id).first(), saved


def typed_output(output: Any, last: Agent[Any] | None) -> Any:
    """A final output as the type that the last agent declares; the row keeps it as JSON.

    What is no value of that type, as a tool's output may be that ended the run, stays as it is.
    """
    wanted = getattr(last, "output_type", None)
    if isinstance(wanted, AgentOutputSchemaBase):
        wanted = getattr(wanted, "output_type", None)
    if output is None or wanted is None or wanted is str:
        return output
    try:
        return TypeAdapter(wanted).validate_python(output)
    except ValidationError:
        return output


def _usage(run: Run) -> Usage:
    return Usage(
        requests=run.requests,
        input_tokens=run.input_tokens,
        input_tokens_details=InputTokensDetails(
            cached_tokens=run.cached_tokens, cache_write_tokens=0
        ),
        output_tokens=run.output_tokens,
        output_tokens_details=OutputTokensDetails(reasoning_tokens=run.reasoning_tokens),
        total_tokens=run.total_tokens,
    )
