"""Errors of approving: each says what happened and, where somebody was faster, who."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from timestep.errors import TimestepError
from timestep.models import ENDED_STATUSES

if TYPE_CHECKING:
    from approvals.models import ApprovalRequest, Decision, Vote

_WORDS = {
    "approve": "approved",
    "reject": "rejected",
    "happened": 'answered with "it happened"',
    "run_again": 'answered with "run it again"',
    "fail": 'answered with "fail the run"',
}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


class RequestNotFound(TimestepError):
    """No approval request has this id."""

    def __init__(self, approval_id: str) -> None:
        super().__init__(
            f"no approval request has the id {approval_id!r}; `manage.py approvals` lists them"
        )
        self.approval_id = approval_id


class AlreadyDecided(TimestepError):
    """This request was decided before, or expired; `decision` says who decided what, and when."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(f"request {decision.request_id} {_stands(decision)}")
        self.decision = decision


def _stands(decision: Decision) -> str:
    when = _moment(decision.decided_at)
    if decision.outcome == "expired":
        return f"expired on {when}: nobody decided in time"
    what = _WORDS.get(decision.outcome, decision.outcome)
    return f"was already {what} by {decision.decided_by_name} on {when}"


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


class AgentKept(TimestepError):
    """The agent is for other people, or the person lacks the permission."""

    def __init__(self, agent: str, act: str) -> None:
        super().__init__(
            f"you may not {act} with the agent {agent}: that needs the permission to {act}, or "
            "a row in the agent's access"
        )
        self.agent = agent


class NotPermitted(TimestepError):
    """The user may not decide this request; `why` says who may."""

    def __init__(self, username: str, why: str) -> None:
        super().__init__(f"{username!r} may not decide this request: {why}")
        self.username = username
        self.why = why


class DeadlinePassed(TimestepError):
    """The time to decide is over, and nothing is approved by being late."""

    def __init__(self, request: ApprovalRequest) -> None:
        passed = request.deadline_at
        when = f" on {_moment(passed)}" if passed else ""
        super().__init__(
            f"the deadline of request {request.approval_id} passed{when}; a worker is about to "
            f"do what policy {request.policy_name!r} says then"
        )
        self.approval_id = request.approval_id


class AlreadyVoted(TimestepError):
    """The user has approved this request before, and it needs others as well."""

    def __init__(self, vote: Vote) -> None:
        super().__init__(
            f"{vote.user_name} approved request {vote.request_id} on {_moment(vote.at)}; "
            "the approval of somebody else is missing"
        )
        self.vote = vote


class VoteNotNeeded(TimestepError):
    """What this approval would count for, others have approved already."""

    def __init__(self, approval_id: str, missing: str) -> None:
        super().__init__(
            f"another approval like yours changes nothing for request {approval_id}: "
            f"it needs {missing}"
        )
        self.approval_id = approval_id
        self.missing = missing


class AlreadyClaimed(TimestepError):
    """Somebody else looks at the request at present."""

    def __init__(self, request: ApprovalRequest) -> None:
        since = f" since {_moment(request.claimed_at)}" if request.claimed_at else ""
        super().__init__(f"{request.claimed_by} is reviewing {request.approval_id}{since}")
        self.request = request


class DeniedByPolicy(TimestepError):
    """A policy denies the call with these arguments, so nobody can approve it."""

    def __init__(self, approval_id: str, why: str) -> None:
        super().__init__(f"request {approval_id} cannot be approved with these arguments: {why}")
        self.approval_id = approval_id


class DecidedByPolicy(TimestepError):
    """A program decided by itself what a policy leaves to people."""

    def __init__(self, run_id: str, tool: str, policy: str) -> None:
        super().__init__(
            f"policy {policy!r} leaves the call of {tool!r} in run {run_id} to people, and a "
            "program cannot decide it by itself; let them, on the page of the request or with "
            "`manage.py decide`"
        )
        self.run_id = run_id
        self.policy = policy


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


class NotByCommand(TimestepError):
    """The policy wants to know who decides, and a shell can name anybody."""

    def __init__(self, approval_id: str, policy: str, asks: str) -> None:
        super().__init__(
            f"request {approval_id} is not decided with --as: policy {policy!r} asks for {asks}; "
            "sign in and decide it on its page"
        )
        self.approval_id = approval_id


class NotForRun(TimestepError):
    """The approval cannot count for the rest of the run; nothing was decided."""

    def __init__(self, approval_id: str, why: str) -> None:
        super().__init__(f"request {approval_id} cannot be approved for the rest of its run: {why}")
        self.approval_id = approval_id


class ArgumentsChanged(TimestepError):
    """Somebody edited the arguments after they were shown to this decider."""

    def __init__(self, approval_id: str) -> None:
        super().__init__(
            f"the arguments of request {approval_id} were edited since they were shown to you; "
            "look at them again, then decide"
        )
        self.approval_id = approval_id
