"""States in a process: what was decided in them, and the class of their contexts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from agents import Agent, HostedMCPTool, RunConfig, Runner, RunState
from agents.testing import ScriptedModel, function_call
from openai.types.responses.response_output_item import McpApprovalRequest
from pydantic import BaseModel

from tests.corpus.scenes import refund, send_mail
from timestep.engine.state_store import Bond, bind, bond_of, decisions_in
from timestep.engine.states import as_raw, restore
from timestep.engine.travel import CannotTravel

QUIET = RunConfig(tracing_disabled=True)
ASKED = McpApprovalRequest(
    id="mcpr_1", arguments="{}", name="wipe", server_label="disks", type="mcp_approval_request"
)
DISKS = HostedMCPTool(
    tool_config={"type": "mcp", "server_label": "disks", "server_url": "http://localhost:1"}
)


@dataclass
class Shop:
    """A context of our own class."""

    name: str
    open: bool = False


class Basket(BaseModel):
    """Another."""

    items: list[str]


async def _state(*calls: Any, context: Any = None) -> tuple[Agent[Any], RunState[Any, Any]]:
    model = ScriptedModel([list(calls)])
    agent: Agent[Any] = Agent(name="desk", model=model, tools=[refund, send_mail, DISKS])
    result = await Runner.run(agent, "please", context=context, run_config=QUIET)
    return agent, result.to_state()


def _refund(number: int) -> Any:
    return function_call("refund", {"order_id": number}, call_id=f"c{number}")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({}, {"approve": True, "reason": "", "always": False}),
        ({"always_approve": True}, {"approve": True, "reason": "", "always": True}),
        ({"rejection_message": "no"}, {"approve": False, "reason": "no", "always": False}),
        (
            {"rejection_message": "never", "always_reject": True},
            {"approve": False, "reason": "never", "always": True},
        ),
    ],
    ids=["once", "always", "rejected", "never"],
)
@pytest.mark.parametrize("call", [_refund(1), ASKED], ids=["function", "hosted"])
async def test_a_decision_is_read_as_it_was_made(
    call: Any, how: dict[str, Any], said: dict[str, Any]
) -> None:
    agent, state = await _state(call)
    [item] = state.get_interruptions()
    (state.reject if "rejection_message" in how else state.approve)(item, **how)
    assert decisions_in(state) == [{"call_id": item.call_id} | said]
    again = await restore(agent, json.loads(json.dumps(as_raw(state))))
    assert decisions_in(again) == decisions_in(state)


async def test_a_decision_for_ever_is_not_one_on_another_tool() -> None:
    mail = function_call("send_mail", {"to": "ana"}, call_id="m1")
    _, state = await _state(_refund(1), _refund(2), mail)
    state.approve(state.get_interruptions()[0], always_approve=True)
    assert [decision["call_id"] for decision in decisions_in(state)] == ["c1", "c2"]


async def test_the_later_decision_counts() -> None:
    _, state = await _state(_refund(1))
    [item] = state.get_interruptions()
    state.approve(item)
    state.reject(item, rejection_message="on second thought")
    assert [(d["approve"], d["reason"]) for d in decisions_in(state)] == [
        (False, "on second thought")
    ]


async def test_a_bond_is_lost_with_the_object() -> None:
    agent, state = await _state(_refund(1))
    assert bond_of(state) is None
    bind(state, Bond("r", 2, "d"))
    assert bond_of(state) == Bond("r", 2, "d")
    assert bond_of(await restore(agent, as_raw(state))) is None


@pytest.mark.parametrize(
    "context",
    [None, {}, {"a": [1]}, Shop("corner", True), Basket(items=["tea"]), [1, "two"], "text"],
    ids=repr,
)
async def test_a_context_comes_back_as_it_was(context: Any) -> None:
    agent, state = await _state(_refund(1), context=context)
    again = await restore(agent, json.loads(json.dumps(as_raw(state))))
    assert again._context is not None
    assert again._context.context == context
    assert type(again._context.context) is type(context)


async def test_a_context_that_nobody_could_build_is_refused() -> None:
    _, state = await _state(_refund(1), context=object())
    with pytest.raises(CannotTravel, match="context"):
        as_raw(state)
