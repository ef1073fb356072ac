"""Programs deciding: what a program decided on a loaded state closes the requests of that state."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from approvals.errors import AlreadyDecided, DecidedByPolicy
from approvals.models import ApprovalRequest, Decision, Effect, RequestKind, RequestStatus
from approvals.policies.matching import Call, asking_policy, judge
from approvals.selectors import decision_of
from approvals.services import audit
from approvals.services.decisions import REASON_LIMIT, answer, record
from approvals.services.requests import lock_run
from approvals.services.texts import bounded
from timestep.arguments import parse_arguments
from timestep.gate import ToolCall

VIA_PROGRAM = "program"
SUPERSEDED = "superseded"
_ALWAYS = "For every further call of this tool by this agent."


def record_program(
    run_id: str, revision: int, decisions: list[dict[str, Any]], by: str
) -> list[dict[str, Any]]:
    """Close the requests of a saved state as a program decided, in the caller's transaction.

    What the program left open and nobody decided becomes void: what still waits after the resume
    is asked again under the next revision.

    Args:
        run_id: The run.
        revision: The saved state.
        decisions: One `{"call_id", "approve", "reason", "always"}` per call that it decided.
        by: The program, for the record.

    Returns:
        What people had decided before on calls that the program left open, and on calls whose
        arguments they had edited.

    Raises:
        AlreadyDecided: A person decided otherwise on one of the calls.
        DecidedByPolicy: A policy leaves one of the calls to people, or might leave one that an
            approval for every further call of the tool would cover.
    """
    lock_run(run_id)
    kept = ApprovalRequest.objects.filter(
        run_id=run_id, kind=RequestKind.TOOL_CALL, revision=revision
    )
    rows = kept.select_related("run", "decision").order_by("created_at", "approval_id")
    given = {decision["call_id"]: decision for decision in decisions}
    standing = []
    for request in rows:
        decided, wanted = decision_of(request), given.get(request.call_id)
        if decided is None:
            _check_left_to_programs(request, wanted)
            _close(request, wanted, by)
        elif wanted is None:
            standing.append(answer(decided))
        elif (decided.outcome == "approve") != wanted["approve"]:
            raise AlreadyDecided(decided)
        elif request.edited_arguments is not None:
            standing.append(answer(decided))  # The program knows nothing of the edit.
    return standing


def _check_left_to_programs(request: ApprovalRequest, wanted: dict[str, Any] | None) -> None:
    """Refuse a program that decides in the place of the people whom a policy asks."""
    if wanted is None or not request.is_pending:
        return
    asking = request.policy_name
    if not asking and wanted["approve"] and wanted.get("always"):
        asking = asking_policy(request.agent, request.tool)
    if asking:
        raise DecidedByPolicy(request.run_id, request.tool, asking)


def check_left_to_programs(call: ToolCall, *, always: bool) -> None:
    """Refuse a run that begins with a call approved by a program, where a policy asks people.

    Args:
        call: The call that the program approved.
        always: Whether it approved every further call of the tool as well.

    Raises:
        DecidedByPolicy: A policy asks about the call, or may ask about a further one.
    """
    found = judge(Call(call.agent, call.tool, parse_arguments(call.arguments)), asks=True)
    met = found.policy.name if found.policy and found.policy.effect != Effect.ALLOW else ""
    asking = met or (asking_policy(call.agent, call.tool) if always else "")
    if asking:
        raise DecidedByPolicy(call.run_id, call.tool, asking)


def _close(request: ApprovalRequest, wanted: dict[str, Any] | None, by: str) -> None:
    """Close a request that nobody decided; void ones stay as they are."""
    if not request.is_pending:
        return
    if wanted is None:
        request.status, request.decided_at = RequestStatus.VOID, timezone.now()
        request.save(update_fields=["status", "decided_at"])
        payload = {"run_id": request.run_id, "reason": SUPERSEDED}
        audit.append(by, VIA_PROGRAM, "approval.void", request.approval_id, payload)
        return
    reason = [_ALWAYS] if wanted.get("always") else []
    reason += [wanted["reason"]] if wanted.get("reason") else []
    decision = Decision(
        request=request,
        outcome="approve" if wanted["approve"] else "reject",
        reason=bounded(" ".join(reason), REASON_LIMIT),
        decided_by_name=bounded(by, 200),
        via=VIA_PROGRAM,
        decided_at=timezone.now(),
    )
    record(decision, RequestStatus.APPROVED if wanted["approve"] else RequestStatus.REJECTED)
