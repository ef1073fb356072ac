"""Errors of approving: each says what happened and, where somebody was faster, who."""

from __future__ import annotations

from typing import TYPE_CHECKING

from timestep.errors import TimestepError
from timestep.models import ENDED_STATUSES

if TYPE_CHECKING:
    from approvals.models import Decision

_WORDS = {
    "approve": "approved",
    "reject": "rejected",
    "happened": 'answered with "it happened"',
    "run_again": 'answered with "run it again"',
    "fail": 'answered with "fail the run"',
}


class RequestNotFound(TimestepError):
    """No approval request has this id."""

    def __init__(self, approval_id: str) -> None:
        super().__init__(
            f"no approval request has the id {approval_id!r}; `manage.py approvals` lists them"
        )
        self.approval_id = approval_id


class AlreadyDecided(TimestepError):
    """Somebody decided this request before; `decision` says who decided what, and when."""

    def __init__(self, decision: Decision) -> None:
        what = _WORDS.get(decision.outcome, decision.outcome)
        when = decision.decided_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        super().__init__(
            f"request {decision.request_id} was already {what} by {decision.decided_by_name} "
            f"on {when}"
        )
        self.decision = decision


class RequestVoid(TimestepError):
    """Nothing is left to decide: the run ended first, or a program resumed it."""

    def __init__(self, approval_id: str, run_id: str, run_status: str) -> None:
        why = (
            f"run {run_id} is {run_status}, so nothing is left to decide"
            if run_status in ENDED_STATUSES
            else f"a program resumed run {run_id}; what still waits there is asked anew"
        )
        super().__init__(f"request {approval_id} is void: {why}")
        self.approval_id = approval_id
        self.run_id = run_id


class NotPermitted(TimestepError):
    """The user may not decide approval requests."""

    def __init__(self, username: str) -> None:
        super().__init__(
            f"{username!r} may not decide approval requests; an active user with the permission "
            "approvals.decide_approvalrequest can"
        )
        self.username = username


class WrongKind(TimestepError):
    """The answer does not fit what is asked: a tool call is approved or rejected, and an unknown
    outcome is answered with what happened."""

    def __init__(self, approval_id: str, kind: str) -> None:
        answers = {
            "tool_call": "asks about a tool call: approve or reject it",
            "outcome_unknown": (
                "asks what became of a call: answer that it happened, run it again, or fail the run"
            ),
        }
        super().__init__(f"request {approval_id} {answers[kind]}")
        self.approval_id = approval_id
        self.kind = kind


class ArgumentsChanged(TimestepError):
    """Somebody edited the arguments after they were shown to this decider."""

    def __init__(self, approval_id: str) -> None:
        super().__init__(
            f"the arguments of request {approval_id} were edited since they were shown to you; "
            "look at them again, then decide"
        )
        self.approval_id = approval_id
