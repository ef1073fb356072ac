"""Saved states: through JSON and back, with what people decided."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agents import Agent, RunConfig, Runner, RunResult, function_tool
from agents.testing import ScriptedModel, assistant_message, function_call

from timestep.engine.states import (
    EXPIRED,
    REJECTED,
    StateMismatch,
    apply_decisions,
    restore,
)

PAID: list[int] = []
QUIET = RunConfig(tracing_disabled=True)


@function_tool(needs_approval=True)
def refund(amount: int) -> str:
    """Pay back."""
    PAID.append(amount)
    return f"paid {amount}"


def _agent(*steps: Any) -> Agent[Any]:
    return Agent(name="desk", model=ScriptedModel(steps), tools=[refund])


def _call(call_id: str, amount: int) -> Any:
    return function_call("refund", {"amount": amount}, call_id=call_id)


async def _interrupted(*calls: Any) -> dict[str, Any]:
    """The saved form of a run in which these calls wait."""
    PAID.clear()
    result = await Runner.run(_agent(list(calls)), "hello", run_config=QUIET)
    assert len(result.interruptions) == len(calls)
    state: dict[str, Any] = json.loads(json.dumps(result.to_state().to_json()))
    return state


async def _resumed(raw: dict[str, Any], decisions: list[dict[str, Any]]) -> RunResult:
    agent = _agent([assistant_message("done")])
    state = await restore(agent, raw)
    apply_decisions(state, decisions)
    return await Runner.run(agent, state, run_config=QUIET)


def _outputs(result: RunResult) -> list[str]:
    items = [item for item in result.to_input_list() if isinstance(item, dict)]
    return [str(item.get("output")) for item in items if item.get("type") == "function_call_output"]


def _decision(call_id: str, approve: bool, reason: str = "") -> dict[str, Any]:
    return {"call_id": call_id, "approve": approve, "reason": reason}


async def test_an_approved_call_is_made_and_the_run_goes_on() -> None:
    raw = await _interrupted(_call("c1", 5))
    assert PAID == []
    result = await _resumed(raw, [_decision("c1", approve=True)])
    assert PAID == [5]
    assert (result.final_output, _outputs(result)) == ("done", ["paid 5"])


@pytest.mark.parametrize(
    ("reason", "told"), [("", REJECTED), ("too much", f"{REJECTED} Their reason: too much")]
)
async def test_a_rejected_call_is_not_made_and_the_model_is_told(reason: str, told: str) -> None:
    raw = await _interrupted(_call("c1", 5))
    result = await _resumed(raw, [_decision("c1", False, reason)])
    assert PAID == []
    assert _outputs(result) == [told]


async def test_of_an_expired_call_the_model_is_not_told_that_somebody_rejected_it() -> None:
    raw = await _interrupted(_call("c1", 5))
    reason = "Nobody approved it in time; 1 of Finance had been asked."
    result = await _resumed(raw, [_decision("c1", False, reason) | {"expired": True}])
    [told] = _outputs(result)
    assert told == f"{EXPIRED} {reason}"
    assert not any(word in told for word in ("reject", "a person", "Their reason"))


async def test_calls_are_decided_one_by_one_whatever_the_order() -> None:
    raw = await _interrupted(_call("c1", 1), _call("c2", 2), _call("c3", 3))
    decisions = [_decision("c3", True), _decision("c1", True), _decision("c2", False)]
    result = await _resumed(raw, decisions)
    assert sorted(PAID) == [1, 3]
    assert _outputs(result) == ["paid 1", REJECTED, "paid 3"]


@pytest.mark.parametrize("decisions", [[], [_decision("c1", True)], [_decision("x", True)]])
async def test_a_call_without_a_decision_is_refused(decisions: list[dict[str, Any]]) -> None:
    raw = await _interrupted(_call("c1", 1), _call("c2", 2))
    with pytest.raises(StateMismatch, match="waits and has no decision"):
        await _resumed(raw, decisions)
    assert PAID == []
