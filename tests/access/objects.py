"""One row of everything that an address can name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, User
from django.utils import timezone

from approvals.models import (
    ApprovalRequest,
    AuditEntry,
    Decision,
    Delivery,
    Notice,
    Policy,
    Webhook,
)
from tests.access.people import keep, person
from tests.approvals.rows import ask, refund_call
from tests.workflows.rows import agent, worker
from tests.workflows.rows import run as make_run
from timestep.models import Hold, ModelLimit, Queue, Run, RunStatus, Tick
from timestep.services.schedules import save_schedule
from workflows.models import AgentVersion

AGENT = "desk"


@dataclass
class Objects:
    """What there is: `mine` was launched by the person who asks, `theirs` by somebody else."""

    mine: Run
    theirs: Run
    my_request: ApprovalRequest
    their_request: ApprovalRequest
    keys: dict[str, Any]


def make_objects(me: User | None) -> Objects:
    """Make them all. Somebody else may decide, too: four eyes are two pairs."""
    other = person("other", "timestep.launch_run", "approvals.decide_approvalrequest")
    agent(AGENT)
    mine, theirs = _run("mine", me), _run("theirs", other)
    my_request, their_request = ask(mine, refund_call())[0], ask(theirs, refund_call())[0]
    return Objects(mine, theirs, my_request, their_request, _keys(other, their_request))


def _run(run_id: str, by: User | None) -> Run:
    waiting = RunStatus.AWAITING_APPROVAL
    return make_run(run_id, launched_by=by, status=waiting, agent=AGENT, error={"traceback": "x"})


def _keys(other: User, request: ApprovalRequest) -> dict[str, Any]:
    """The key of a row of each model, by the part of the admin's address that names the model."""
    saved = save_schedule({"name": "nightly", "agent": AGENT, "input": "x", "cron": "0 8 * * *"})
    hook = Webhook.objects.create(name="ops", url="https://h/", secret="s")
    (closed,) = ask(_run("closed", other), refund_call())
    decided = Decision(request=closed, outcome="approve", decided_by_name="x", via="page")
    decided.save()
    return {
        "auth/group": Group.objects.get(name="viewer").pk,
        "auth/user": other.pk,
        "approvals/agentaccess": keep("another", other).pk,
        "approvals/webhook": hook.pk,
        "approvals/delivery": Delivery.objects.create(
            notice=Notice.objects.filter(request=request)[0], webhook=hook
        ).pk,
        "approvals/policy": Policy.objects.create(name="p").pk,
        "approvals/approvalrequest": request.pk,
        "approvals/decision": decided.pk,
        "approvals/auditentry": AuditEntry.objects.latest("number").pk,
        "workflows/agentdefinition": AGENT,
        "workflows/agentversion": AgentVersion.objects.latest("pk").pk,
        "timestep/run": request.run_id,
        "timestep/schedule": saved.pk,
        "timestep/modellimit": ModelLimit.objects.create(pattern="*", requests_per_minute=9).pk,
        "timestep/queue": Queue.objects.create(name="mail").pk,
        "timestep/worker": worker("w-1").pk,
        "timestep/hold": Hold.objects.create(kind="tool", name="x", placed_why="test").pk,
        "timestep/tick": Tick.objects.create(schedule=saved, at=timezone.now()).pk,
    }
