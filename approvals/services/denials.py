"""Calls that a policy denies: nobody is asked, but it is on record."""

from __future__ import annotations

from django.db import transaction

from approvals.policies.matching import Judgement
from approvals.services import audit
from approvals.services.requests import ENGINE, VIA_WORKER, lock_run
from timestep.arguments import arguments_digest
from timestep.gate import ToolCall
from timestep.services.status import record_event
from timestep.storable import storable_text


@transaction.atomic
def record_denied(call: ToolCall, found: Judgement) -> None:
    """Write that a call was denied into the audit trail and among the run's events.

    Args:
        call: The call.
        found: What the policies say of it.
    """
    if lock_run(call.run_id) is None:
        return
    policy = found.policy.name if found.policy else ""
    about = {"call_id": call.call_id, "agent": call.agent, "tool": call.tool, "policy": policy}
    arguments = storable_text(call.arguments)
    bound = {"run_id": call.run_id, "arguments_digest": arguments_digest(call.arguments)}
    payload = about | bound | {"arguments": arguments, "why": found.why}
    audit.append(ENGINE, VIA_WORKER, "call.denied", call.run_id, payload)
    event = about | {"arguments": arguments, "why": found.why}
    record_event(call.run_id, "approval.denied", event)
