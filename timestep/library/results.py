"""What a run has come to, read from its rows."""

from __future__ import annotations

from typing import Any

from agents import Agent, AgentOutputSchemaBase, RunState, Usage
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails
from pydantic import TypeAdapter

from timestep.engine.state_store import restored
from timestep.engine.states import restore
from timestep.engine.threads import in_thread
from timestep.errors import RunCancelled, RunFailed, RunTimedOut
from timestep.library.agent_result import AgentResult
from timestep.library.launching import in_own_loop
from timestep.models import Run, RunResult, RunStatus, SavedState
from timestep.models.states import unpacked
from timestep.services.states import find
from timestep.services.totals import show_totals_so_far

_ERRORS = {
    RunStatus.FAILED: RunFailed,
    RunStatus.TIMED_OUT: RunTimedOut,
    RunStatus.CANCELLED: RunCancelled,
}


async def result_of(run_id: str, agent: Agent[Any]) -> AgentResult:
    """The result of a run that has stopped.

    Args:
        run_id: The run.
        agent: The agent that it started with.

    Raises:
        RunFailed: It failed; `RunTimedOut` and `RunCancelled` are kinds of it.
    """
    run, result, saved = await in_thread(_rows, run_id)
    if error := _ERRORS.get(RunStatus(run.status)):
        raise error(run.run_id, run.error or {"what": "run", "message": f"is {run.status}"})
    state = await _state(agent, result, saved)
    items = list(state._session_items or state._generated_items) if state else []
    return AgentResult(
        run_id=run.run_id,
        status=run.status,
        final_output=_typed(run, state, agent),
        interruptions=list(state.get_interruptions()) if saved and state else [],
        new_items=items,
        usage=_usage(run),
        _new_state=lambda: in_own_loop(_state(agent, result, saved)),
    )


def _rows(run_id: str) -> tuple[Run, RunResult | None, SavedState | None]:
    run = Run.objects.get(run_id=run_id)
    saved = None
    if run.status == RunStatus.AWAITING_APPROVAL and run.revision:
        saved = find("", run.agent, run_id)
    return show_totals_so_far(run), RunResult.objects.filter(run_id=run_id).first(), saved


async def _state(
    agent: Agent[Any], result: RunResult | None, saved: SavedState | None
) -> RunState[Any, Any] | None:
    if saved is not None:
        return await restored(agent, saved)
    if result is not None:
        return await restore(agent, unpacked(result.body))
    return None


def _typed(run: Run, state: RunState[Any, Any] | None, agent: Agent[Any]) -> Any:
    """The final output as the type that the last agent declares; the row keeps it as JSON."""
    last = (state and state._current_agent) or agent
    wanted = getattr(last, "output_type", None)
    if isinstance(wanted, AgentOutputSchemaBase):
        wanted = getattr(wanted, "output_type", None)
    if run.final_output is None or wanted is None or wanted is str:
        return run.final_output
    return TypeAdapter(wanted).validate_python(run.final_output)


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
