"""What a decision asks before it is sent, in words: the act, and what it is done with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from approvals.models import ApprovalRequest
from approvals.wording import act_of, arguments_now
from timestep.confirming import Step

_ANSWERS = {
    "happened": ("It happened, and the agent is told what it returned: {}", "It happened"),
    "run_again": ("It did not happen. Run it again: {}", "Run it again"),
    "fail": ("Fail the run, without knowing what became of this call: {}", "Fail the run"),
}
_WORDS = {
    "approve": ("Approve: {act}", "Approve"),
    "approve_for_run": (
        "Approve this call, and all further {tool} calls of this run that meet the same policy: "
        "{act}",
        "Approve for this run",
    ),
    "edit": ("Approve {tool}, with the values as edited", "Approve as edited"),
    "reject": ("Reject: {act}", "Reject"),
}


def decision_step(
    asked: ApprovalRequest, pressed: str, answer: Mapping[str, Any], back: str
) -> Step:
    """What is asked before a call is approved or rejected.

    Args:
        asked: The request.
        pressed: approve, approve_for_run, edit or reject.
        answer: The decision as the service takes it.
        back: The page that it was asked on.
    """
    shape, word = _WORDS[pressed]
    facts = [("Arguments", answer.get("arguments", arguments_now(asked)))]
    if answer.get("reason"):
        facts.append(("Reason, which the agent is told", answer["reason"]))
    return Step(shape.format(act=act_of(asked).text, tool=asked.tool), word, back, facts)


def answer_step(asked: ApprovalRequest, outcome: str, result: str, back: str) -> Step:
    """What is asked before somebody says what became of a call.

    Args:
        asked: The request.
        outcome: happened, run_again or fail.
        result: What the call returned, as typed.
        back: The page that it was asked on.
    """
    shape, word = _ANSWERS[outcome]
    told = [("Result, which the agent is told", result)] if outcome == "happened" else []
    facts = [("Arguments", arguments_now(asked)), *told]
    return Step(shape.format(act_of(asked).text), word, back, facts)


def batch_step(acts: list[str], *, approve: bool, reason: str, back: str) -> Step:
    """What is asked before several are decided together.

    Args:
        acts: What each of them does.
        approve: Whether they are approved; else they are rejected.
        reason: Why they are rejected.
        back: The list that they were chosen on.
    """
    word = "Approve" if approve else "Reject"
    many = "this call" if len(acts) == 1 else f"these {len(acts)} calls"
    why = [] if approve else [("Reason, which the agents are told", reason)]
    facts = [*((f"{number}", act) for number, act in enumerate(acts, 1)), *why]
    return Step(f"{word} {many}, each by itself:", f"{word} {len(acts)}", back, facts)
