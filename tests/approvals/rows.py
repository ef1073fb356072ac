"""Rows that the tests of approvals start from."""

from __future__ import annotations

import itertools
from typing import Any

from django.contrib.auth.models import Permission, User
from django.db import transaction
from django.utils import timezone

from approvals.models import ApprovalRequest
from approvals.services.requests import open_requests
from timestep.gate import Interruption
from timestep.models import AgentSpec, Run, RunStatus, Segment, SegmentState, ToolStart

REFUND = '{"order_id": 4711, "amount": 25.0}'
_numbers = itertools.count(1)


def approver(name: str = "ana") -> User:
    """A user who may decide, and nothing else."""
    user = User.objects.create_user(name, password="-")
    user.user_permissions.add(Permission.objects.get(codename="decide_approvalrequest"))
    return User.objects.get(pk=user.pk)


def awaiting_run(run_id: str | None = None, revision: int = 1) -> Run:
    """A run whose first segment ended with a saved state of this revision."""
    spec, _ = AgentSpec.objects.get_or_create(digest="0" * 64, defaults={"body": {}})
    run = Run.objects.create(
        run_id=run_id or f"run_{next(_numbers)}",
        status=RunStatus.AWAITING_APPROVAL,
        spec=spec,
        agent="support-desk",
        input="Please refund",
        input_digest="0" * 64,
        engine_version=1,
        revision=revision,
    )
    Segment.objects.create(segment_id=f"{run.pk}:0", run=run, n=0, state=SegmentState.ENDED)
    return run


def refund_call(call_id: str = "call_1", arguments: str = REFUND, **fields: Any) -> Interruption:
    """An interruption at `refund_order`."""
    return Interruption(call_id, "refunds", "refund_order", arguments, **fields)


def ask(run: Run, *calls: Interruption) -> list[ApprovalRequest]:
    """The requests of an interruption, opened as the engine opens them."""
    with transaction.atomic():
        return open_requests(run.pk, run.revision, calls or [refund_call()])


def ask_about_unknown(run: Run, *call_ids: str) -> list[ApprovalRequest]:
    """Requests about calls that were in flight when the worker died."""
    for step, call_id in enumerate(call_ids):
        ToolStart.objects.create(
            run=run,
            segment=f"{run.pk}:0",
            step=step,
            call_id=call_id,
            tool="refund_order",
            agent="refunds",
            arguments=REFUND,
            unknown_at=timezone.now(),
        )
    return ask(run, *(refund_call(call_id, kind="outcome_unknown") for call_id in call_ids))
