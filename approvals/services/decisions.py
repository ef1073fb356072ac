"""Deciding: request, decision, audit entry, event and resume change together or not at all."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from approvals.errors import ArgumentsChanged, NotByCommand
from approvals.models import (
    EXPIRED_OUTCOME,
    ApprovalRequest,
    Decision,
    RequestKind,
    RequestStatus,
    Vote,
)
from approvals.policies.rules import rules_of
from approvals.services import audit
from approvals.services.asking import moment_text
from approvals.services.editing import edit
from approvals.services.grants import check_for_run, grant
from approvals.services.pending import check_permitted, held_for, refuse_closed
from approvals.services.votes import vote
from approvals.wording import arguments_now
from timestep.digests import canonical_json, digest
from timestep.errors import InvalidInput
from timestep.services.resume import OUTCOMES, resolve_outcome, resume
from timestep.services.status import record_event
from timestep.storable import storable_text

REASON_LIMIT = 2_000
RESULT_LIMIT = 100_000
VIA_SHELL = "cli:"
_VIA_LIMIT = 200


@transaction.atomic
def decide(
    approval_id: str,
    *,
    approve: bool,
    by: User,
    reason: str = "",
    via: str = "page",
    arguments: Any = None,
    for_run: bool = False,
    shown: str | None = None,
) -> Decision | Vote:
    """Approve or reject a tool call, and resume the run once nothing of it waits any more.

    Args:
        approval_id: The request.
        approve: Whether the call may be made.
        by: Who decides.
        reason: Of a rejection the model is told; pages ask for one. At most 2,000 characters.
        via: From where: `page`, `admin`, or `cli:<OS user> as <user>`.
        arguments: With an approval: the whole arguments to make the call with, in place of those
            that the model proposed.
        for_run: With an approval: whether it counts for further calls of the run as well, where
            the policy allows that.
        shown: The `arguments_digest` that the decider saw; another one by now refuses.

    Returns:
        The decision; or the vote, where the approval of others is still missing.

    Raises:
        NotPermitted: The user may not decide this request.
        RequestNotFound: There is no such request.
        AlreadyDecided: Somebody was faster; carries the decision that stands.
        RequestVoid: The run has ended.
        WrongKind: The request asks about an unknown outcome.
        DeadlinePassed: The time to decide is over.
        AlreadyVoted: The user has approved before, and others have to.
        VoteNotNeeded: What is missing, somebody else has to approve.
        DeniedByPolicy: A policy denies the call with the edited arguments.
        NotByCommand: A shell wants to decide what several people or four eyes have to.
        NotForRun: The policy does not allow to approve for the rest of the run.
        ArgumentsChanged: Somebody has edited the arguments since they were shown.
        InvalidInput: The reason is too long, or the tool does not take the arguments.
    """
    request = held_for(approval_id, by, RequestKind.TOOL_CALL)
    reason = _bounded("reason", reason, REASON_LIMIT)
    _check_via(request, via)
    _check_shown(request, shown)
    if arguments is not None:
        _edited(request, approve, arguments, by, via)
    if for_run:
        _check_for_run(request, approve)
    counted = vote(request, by, reason, _bounded_via(via), for_run=for_run) if approve else None
    if counted is not None and not counted.last:
        return counted.given
    outcome = "approve" if approve else "reject"
    status = RequestStatus.APPROVED if approve else RequestStatus.REJECTED
    decision = _decision(request, outcome, by, via, reason=reason)
    record(decision, status)
    if for_run:
        grant(decision)
    resume_if_complete(request)
    return decision


@transaction.atomic
def resolve_unknown(
    approval_id: str,
    *,
    outcome: str,
    by: User,
    result: str = "",
    reason: str = "",
    via: str = "page",
) -> Decision:
    """Say what became of a tool call that was in flight when its worker died.

    Args:
        approval_id: The request.
        outcome: `happened`, `run_again` or `fail`.
        by: Who answers.
        result: What the tool returned; needed for `happened`, at most 100,000 characters.
        reason: A note for the record.
        via: As for `decide`.

    Raises:
        As `decide`.
    """
    request = held_for(approval_id, by, RequestKind.OUTCOME_UNKNOWN)
    _check_via(request, via)
    if outcome not in OUTCOMES:
        raise InvalidInput("outcome", f"use one of {', '.join(OUTCOMES)}")
    reason, result = _bounded("reason", reason, REASON_LIMIT), _bounded_result(outcome, result)
    decision = _decision(request, outcome, by, via, reason=reason, result=result)
    record(decision, RequestStatus.RESOLVED)
    resolve_outcome(request.run_id, request.call_id, outcome, result)
    return decision


def _check_via(request: ApprovalRequest, via: str) -> None:
    """Refuse a shell, which can name anybody, where the policy is about who decides."""
    if not via.startswith(VIA_SHELL) or not request.policy_name:
        return
    rules = rules_of(request)
    asks = "several people" if rules.approvers > 1 else "four eyes" if rules.four_eyes else ""
    if asks:
        raise NotByCommand(request.approval_id, request.policy_name, asks)


def _check_shown(request: ApprovalRequest, shown: str | None) -> None:
    if shown is not None and shown != request.arguments_digest:
        raise ArgumentsChanged(request.approval_id)


def _edited(request: ApprovalRequest, approve: bool, arguments: Any, by: User, via: str) -> None:
    if not approve:
        raise InvalidInput("arguments", "only go with an approval; a rejected call is not made")
    if edit(request, arguments, by.get_username()[:200], _bounded_via(via)):
        check_permitted(request, by)  # Other arguments may meet another policy.
        _check_via(request, via)


def _check_for_run(request: ApprovalRequest, approve: bool) -> None:
    if not approve:
        raise InvalidInput("for_run", "only goes with an approval")
    check_for_run(request)


def _bounded_via(via: str) -> str:
    return storable_text(via)[:_VIA_LIMIT]


def _decision(
    request: ApprovalRequest, outcome: str, by: User, via: str, *, reason: str, result: str = ""
) -> Decision:
    return Decision(
        request=request,
        outcome=outcome,
        reason=reason,
        result=result,
        decided_by=by,
        decided_by_name=by.get_username()[:200],
        via=_bounded_via(via),
        decided_at=timezone.now(),
    )


def record(decision: Decision, status: RequestStatus) -> None:
    """Close the request by compare-and-swap, then write decision, audit entry and event."""
    if not _close(decision.request_id, status, decision.decided_at):
        decision.request.refresh_from_db()
        refuse_closed(decision.request)
    decision.request.status, decision.request.decided_at = status, decision.decided_at
    decision.save(force_insert=True)
    request = decision.request
    payload = {
        "run_id": request.run_id,
        "kind": request.kind,
        "call_id": request.call_id,
        "tool": request.tool,
        # As text, and as executed: what was proposed is in the entry of the request.
        "arguments": canonical_json(arguments_now(request)),
        "arguments_digest": request.arguments_digest,
        "policy": request.policy_name,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "result": decision.result,
        "decided_at": moment_text(decision.decided_at),
    }
    who = decision.decided_by_name
    expired = decision.outcome == EXPIRED_OUTCOME
    act = "approval.expired" if expired else "approval.decided"
    audit.append(who, decision.via, act, request.approval_id, payload)
    event = {
        "approval_id": request.approval_id,
        "call_id": request.call_id,
        "tool": request.tool,
        "outcome": decision.outcome,
        "by": who,
        "reason": decision.reason,
    }
    record_event(request.run_id, "approval.decided", event)


def _close(approval_id: str, status: RequestStatus, at: datetime) -> bool:
    pending = ApprovalRequest.objects.filter(approval_id=approval_id, status=RequestStatus.PENDING)
    return bool(pending.update(status=status, decided_at=at))


def resume_if_complete(request: ApprovalRequest) -> None:
    """Resume the run with all decisions of its saved state, when the last one was made."""
    siblings = ApprovalRequest.objects.filter(
        run_id=request.run_id, kind=RequestKind.TOOL_CALL, revision=request.revision
    )
    rows = list(siblings.select_related("decision").order_by("created_at", "approval_id"))
    if any(row.status == RequestStatus.PENDING for row in rows):
        return
    resume(request.run_id, request.revision, [answer(row.decision) for row in rows])


def answer(decision: Decision) -> dict[str, str | bool]:
    """A decision as the resumed segment keeps it: bound to the arguments that were shown."""
    request, approve = decision.request, decision.outcome == "approve"
    said: dict[str, str | bool] = {
        "call_id": request.call_id,
        "approve": approve,
        "reason": decision.reason,
    }
    if decision.outcome == EXPIRED_OUTCOME:
        return said | {"expired": True}
    if not approve:
        return said
    if request.edited_arguments is not None:
        # As text, which the tool gets as it is: no database rewrites a number in it.
        said["arguments"] = json.dumps(request.edited_arguments, ensure_ascii=False)
        said["proposed"] = digest(request.arguments)
    return said | {"digest": request.arguments_digest}


def _bounded(field: str, text: str, limit: int) -> str:
    text = storable_text(text.strip())
    if len(text) > limit:
        raise InvalidInput(field, f"is longer than {limit:,} characters; shorten it")
    return text


def _bounded_result(outcome: str, result: str) -> str:
    result = _bounded("result", result, RESULT_LIMIT)
    if outcome == "happened" and not result:
        raise InvalidInput("result", "say what the tool returned; the model is told")
    if outcome != "happened" and result:
        raise InvalidInput("result", f"only goes with `happened`, not with `{outcome}`")
    return result
