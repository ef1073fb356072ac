"""Approving for the rest of a run: further calls that meet the same policy ask nobody."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from approvals.errors import NotForRun
from approvals.models import ApprovalRequest, Decision, Grant, Policy
from approvals.policies.counting import valid_votes
from approvals.policies.matching import Call, Judgement, judge
from approvals.policies.rules import of_policy, rules_of
from approvals.services import audit
from approvals.services.requests import VIA_WORKER, lock_run
from timestep.digests import digest
from timestep.gate import ToolCall
from timestep.services.status import record_event
from timestep.storable import storable_text


def check_for_run(request: ApprovalRequest) -> None:
    """Refuse to approve a request for the rest of its run where that is not allowed.

    Raises:
        NotForRun: The policy does not allow it, or says something else by now; or the call was
            edited.
    """
    if request.edited_arguments is not None:
        raise NotForRun(request.approval_id, "its arguments were edited; approve this call alone")
    if not rules_of(request).allow_for_run:
        said = (
            f"policy {request.policy_name!r} does not" if request.policy_name else "no policy does"
        )
        raise NotForRun(request.approval_id, f"{said} allow it; approve this call alone")
    if _policy_of(request) is None:
        why = f"policy {request.policy_name!r} has changed since it was asked"
        raise NotForRun(request.approval_id, f"{why}; approve this call alone")


def grant(decision: Decision) -> Grant | None:
    """Let an approval count for the rest of its run, in the transaction of the decision.

    Returns:
        The grant; None where not everybody who approved wanted it so.
    """
    request = decision.request
    policy = _policy_of(request)
    if policy is None or not all(vote.for_run for vote in valid_votes(request)):
        return None
    made = Grant.objects.create(
        run_id=request.run_id,
        agent=request.agent,
        tool=request.tool,
        policy_name=policy.name,
        rules_digest=_digest(policy),
        request=request,
        granted_by=decision.decided_by,
        granted_by_name=decision.decided_by_name,
        at=timezone.now(),
    )
    payload = _about(request.run_id, request.call_id, made)
    payload |= {"rules_digest": made.rules_digest}
    audit.append(made.granted_by_name, decision.via, "approval.granted", request.pk, payload)
    return made


@transaction.atomic
def use_grant(call: ToolCall, found: Judgement) -> bool:
    """Whether somebody approved such calls for the rest of the run; if so, it is recorded.

    Args:
        call: The call, whose policy asks.
        found: What the policies say of it.
    """
    if found.policy is None or not found.rules.allow_for_run:
        return False
    mine = Grant.objects.filter(run_id=call.run_id, agent=call.agent, tool=call.tool)
    given = mine.filter(rules_digest=_digest(found.policy)).first()
    if given is None:
        return False
    lock_run(call.run_id)
    payload = _about(call.run_id, call.call_id, given) | {
        "arguments": storable_text(call.arguments)
    }
    who = given.granted_by_name
    audit.append(who, VIA_WORKER, "approval.grant_used", given.request_id, payload)
    event = {"approval_id": given.request_id, "call_id": call.call_id, "tool": call.tool}
    record_event(call.run_id, "approval.grant_used", event | {"by": who})
    return True


def _about(run_id: str, call_id: str, made: Grant) -> dict[str, str]:
    about = {"run_id": run_id, "call_id": call_id, "agent": made.agent, "tool": made.tool}
    return about | {"policy": made.policy_name}


def _policy_of(request: ApprovalRequest) -> Policy | None:
    """The policy of a request, if its call still meets it and it says what the request keeps."""
    found = judge(Call(request.agent, request.tool, request.arguments), asks=True)
    same = found.policy is not None and found.rules == rules_of(request)
    return found.policy if same and found.rules.allow_for_run else None


def _digest(policy: Policy) -> str:
    """Equal for policies that say the same of the same calls."""
    met = {"agent": policy.agent, "tool": policy.tool, "conditions": policy.conditions}
    return digest(met | {"rules": of_policy(policy).to_json()})
