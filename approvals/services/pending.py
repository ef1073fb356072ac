"""Taking hold of a request that waits: its run locked, and the person one who may decide it."""

from __future__ import annotations

from django.contrib.auth.models import User

from approvals.errors import (
    AlreadyDecided,
    DeadlinePassed,
    NotPermitted,
    RequestNotFound,
    RequestVoid,
    WrongKind,
)
from approvals.models import ApprovalRequest, Decision, RequestKind, RequestStatus
from approvals.policies.people import may_decide
from approvals.services.requests import lock_run
from timestep.models import ENDED_STATUSES
from timestep.services.database_clock import database_now
from timestep.storable import storable_text


def held_for(approval_id: str, by: User, kind: RequestKind | None = None) -> ApprovalRequest:
    """The pending request for somebody who may decide it, its run locked.

    Args:
        approval_id: The request.
        by: Who wants to decide, claim or hand it over.
        kind: What it must ask; None for anything.

    Raises:
        RequestNotFound: There is no such request.
        WrongKind: It asks something else.
        AlreadyDecided: Somebody was faster; carries the decision that stands.
        RequestVoid: The run has ended.
        NotPermitted: Somebody else may decide it, not this user.
        DeadlinePassed: Its time is over.
    """
    request = held(approval_id)
    if kind is not None and request.kind != kind:
        raise WrongKind(approval_id, request.kind)
    check_open(request)
    check_permitted(request, by)
    if request.deadline_at is not None and request.deadline_at <= database_now():
        raise DeadlinePassed(request)
    return request


def held(approval_id: str) -> ApprovalRequest:
    """The request, its run locked, however it stands. Raises RequestNotFound."""
    rows = ApprovalRequest.objects.filter(approval_id=storable_text(approval_id))
    run_id = rows.values_list("run_id", flat=True).first()
    run = lock_run(run_id) if run_id else None
    request = rows.first()  # Only now: what was pending before the lock may be decided by now.
    if run is None or request is None:
        raise RequestNotFound(approval_id)
    request.run = run
    return request


def check_open(request: ApprovalRequest) -> None:
    """Refuse a request that waits no more. Raises AlreadyDecided or RequestVoid."""
    if request.status != RequestStatus.PENDING:
        refuse_closed(request)
    if request.run.status in ENDED_STATUSES:
        raise RequestVoid(request.approval_id, request.run_id, request.run.status)


def check_permitted(request: ApprovalRequest, by: User) -> None:
    """Refuse somebody who may not decide the request. Raises NotPermitted."""
    why = may_decide(request, by)
    if why:
        raise NotPermitted(by.get_username(), why)


def refuse_closed(request: ApprovalRequest) -> None:
    """Raise what stands, for a request that is not pending any more."""
    decision = Decision.objects.filter(request_id=request.approval_id).first()
    if decision is not None:
        raise AlreadyDecided(decision)
    raise RequestVoid(request.approval_id, request.run_id, request.run.status)
