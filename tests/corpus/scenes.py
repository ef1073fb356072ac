"""Scenes that end with a call that waits: played by `record.py` under every release of the SDK.

Only the SDK is used here, and of it only what openai-agents 0.22 and later have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agents import (
    Agent,
    GuardrailFunctionOutput,
    RunState,
    function_tool,
    handoff,
    input_guardrail,
)
from agents.extensions import handoff_filters
from agents.testing import ScriptedModel, assistant_message, function_call

INPUT = "Please refund my orders"
DONE: list[str] = []


@function_tool(needs_approval=True)
def refund(order_id: int) -> str:
    """Refund an order."""
    DONE.append(f"refund {order_id}")
    return f"refunded {order_id}"


@function_tool(needs_approval=True)
def send_mail(to: str) -> str:
    """Send a mail."""
    DONE.append(f"mail {to}")
    return f"sent to {to}"


@function_tool
def look_up(order_id: int) -> str:
    """Look an order up."""
    DONE.append(f"look up {order_id}")
    return f"order {order_id} is paid"


@input_guardrail
async def polite(context: Any, agent: Any, text: Any) -> GuardrailFunctionOutput:
    """Let everything pass, and say so."""
    return GuardrailFunctionOutput(output_info={"polite": True}, tripwire_triggered=False)


def _refund(number: int) -> Any:
    return function_call("refund", {"order_id": number}, call_id=f"call_refund_{number}")


def _mail(name: str) -> Any:
    return function_call("send_mail", {"to": name}, call_id=f"call_mail_{name}")


def _look_up(number: int) -> Any:
    return function_call("look_up", {"order_id": number}, call_id=f"call_look_up_{number}")


def _agent(name: str, steps: list[Any], **more: Any) -> Agent[Any]:
    tools = more.pop("tools", [refund, send_mail, look_up])
    return Agent(name=name, instructions="Help.", model=ScriptedModel(steps), tools=tools, **more)


def _end(text: str = "All done") -> list[Any]:
    return [assistant_message(text)]


def _nothing(state: RunState[Any, Any]) -> None:
    """Decide nothing before the state is recorded."""


def _approve_first(state: RunState[Any, Any]) -> None:
    state.approve(state.get_interruptions()[0])


def _approve_always(state: RunState[Any, Any]) -> None:
    state.approve(state.get_interruptions()[0], always_approve=True)


def _reject_first(state: RunState[Any, Any]) -> None:
    state.reject(state.get_interruptions()[0], rejection_message="Not without a receipt.")


@dataclass(frozen=True)
class Scene:
    """One scene.

    `play` makes the agents, with what their models say before (`True`) or after the interruption;
    `waits` are the calls that wait then; `does` is what the tools do once all of them are approved.
    """

    play: Callable[[bool], Agent[Any]]
    waits: list[str]
    does: list[str]
    decide: Callable[[RunState[Any, Any]], None] = _nothing
    context: dict[str, Any] | None = None
    decided: list[str] = field(default_factory=list)


def _alone(*calls: Any, **more: Any) -> Callable[[bool], Agent[Any]]:
    return lambda before: _agent("Desk", [list(calls)] if before else [_end()], **more)


def _nested(before: bool) -> Agent[Any]:
    clerk = _agent("Clerk", [[_refund(1), _refund(2)]] if before else [_end("Both refunded")])
    ask = clerk.as_tool("ask_clerk", "Ask the clerk.")
    call = function_call("ask_clerk", {"input": "Refund 1 and 2"}, call_id="call_clerk")
    return _agent("Desk", [[call]] if before else [_end()], tools=[ask])


def _handed_off(before: bool) -> Agent[Any]:
    refunds = _agent("Refunds", [[_refund(1)]] if before else [_end()])
    over = function_call("transfer_to_refunds", {}, call_id="call_transfer")
    desk = _agent("Desk", [[over]] if before else [], handoffs=[refunds])
    refunds.handoffs.append(desk)
    return desk


def _filtered(before: bool) -> Agent[Any]:
    """The calls of the answer that hands over are not in what the next agent is given."""
    refunds = _agent("Refunds", [[_refund(1)]] if before else [_end()])
    over = function_call("transfer_to_refunds", {}, call_id="call_transfer")
    said = [assistant_message("One moment"), _look_up(2), over]
    desk = _agent("Desk", [[_look_up(1)], said] if before else [])
    desk.handoffs = [handoff(refunds, input_filter=handoff_filters.remove_all_tools)]
    return desk


def _later(before: bool) -> Agent[Any]:
    return _agent("Desk", [[_look_up(1)], [_refund(1)]] if before else [_end()])


SCENES: dict[str, Scene] = {
    "plain": Scene(_alone(_refund(1)), ["call_refund_1"], ["refund 1"]),
    "second_turn": Scene(_later, ["call_refund_1"], ["refund 1"]),
    "parallel": Scene(
        _alone(_refund(1), _look_up(2), _mail("ana")),
        ["call_refund_1", "call_mail_ana"],
        ["refund 1", "mail ana"],
    ),
    "partly_approved": Scene(
        _alone(_refund(1), _mail("ana")),
        ["call_refund_1", "call_mail_ana"],
        ["refund 1", "mail ana"],
        _approve_first,
        decided=["call_refund_1"],
    ),
    "rejected": Scene(
        _alone(_refund(1)), ["call_refund_1"], [], _reject_first, decided=["call_refund_1"]
    ),
    "always": Scene(
        _alone(_refund(1), _refund(2)),
        ["call_refund_1", "call_refund_2"],
        ["refund 1", "refund 2"],
        _approve_always,
        decided=["call_refund_1", "call_refund_2"],
    ),
    "nested": Scene(_nested, ["call_refund_1", "call_refund_2"], ["refund 1", "refund 2"]),
    "nested_partly_approved": Scene(
        _nested,
        ["call_refund_1", "call_refund_2"],
        ["refund 1", "refund 2"],
        _approve_first,
        decided=["call_refund_1"],
    ),
    "handoff": Scene(_handed_off, ["call_refund_1"], ["refund 1"]),
    "filtered_handoff": Scene(_filtered, ["call_refund_1"], ["refund 1"]),
    "guarded": Scene(
        _alone(_refund(1), input_guardrails=[polite]),
        ["call_refund_1"],
        ["refund 1"],
        context={"customer": "ana", "vip": True},
    ),
}
