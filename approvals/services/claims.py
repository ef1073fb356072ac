"""Claiming and handing over: telling others who looks at a request. Neither keeps anyone out."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from approvals.errors import AlreadyClaimed
from approvals.models import ApprovalRequest, NoticeKind
from approvals.policies.people import may_decide
from approvals.services import audit
from approvals.services.notices import tell
from approvals.services.pending import held_for
from timestep.errors import InvalidInput

# Who forgot to release keeps nobody waiting for longer.
CLAIM_HOLDS = timedelta(minutes=15)
_VIA_LIMIT = 200


@transaction.atomic
def claim(approval_id: str, *, by: User, via: str = "page") -> ApprovalRequest:
    """Say that one looks at a request; one's own claim is renewed.

    Args:
        approval_id: The request.
        by: Who looks at it: somebody who may decide it.
        via: From where, as for `decide`.

    Raises:
        AlreadyClaimed: Somebody else looks at it, and has for less than 15 minutes.
        RequestNotFound, AlreadyDecided, RequestVoid, NotPermitted, DeadlinePassed: As `decide`.
    """
    request = held_for(approval_id, by)
    if is_claimed(request) and request.claimed_by != by:
        raise AlreadyClaimed(request)
    request.claimed_by, request.claimed_at = by, timezone.now()
    return _saved(request, by, via, "approval.claimed")


@transaction.atomic
def release(approval_id: str, *, by: User, via: str = "page") -> ApprovalRequest:
    """Take back one's claim; without one nothing changes.

    Raises:
        As `claim`.
    """
    request = held_for(approval_id, by)
    if request.claimed_by_id != by.pk:
        return request
    request.claimed_by = request.claimed_at = None
    return _saved(request, by, via, "approval.released")


@transaction.atomic
def hand_over(approval_id: str, *, by: User, to: User, via: str = "page") -> ApprovalRequest:
    """Ask somebody else who may decide to do so; they are told. Others still may decide.

    Args:
        approval_id: The request.
        by: Who hands it over: somebody who may decide it.
        to: Who gets it.
        via: From where, as for `decide`.

    Raises:
        InvalidInput: The other may not decide it, or is the same person; the field is `to`.
        RequestNotFound, AlreadyDecided, RequestVoid, NotPermitted, DeadlinePassed: As `decide`.
    """
    request = held_for(approval_id, by)
    if to == by:
        raise InvalidInput("to", "choose somebody else: you have it already")
    why = may_decide(request, to)
    if why:
        raise InvalidInput("to", f"{to.get_username()} may not decide this request: {why}")
    request.handed_to, request.claimed_by, request.claimed_at = to, None, None
    tell([request], NoticeKind.HANDED_OVER, number=_handed(request), only_to=to)
    return _saved(request, by, via, "approval.handed_over", to=to.get_username())


def is_claimed(request: ApprovalRequest) -> bool:
    """Whether somebody looks at the request at present."""
    if request.claimed_by_id is None or request.claimed_at is None:
        return False
    return request.claimed_at > timezone.now() - CLAIM_HOLDS


def _handed(request: ApprovalRequest) -> int:
    return request.notices.filter(kind=NoticeKind.HANDED_OVER).count()


def _saved(request: ApprovalRequest, by: User, via: str, act: str, **said: str) -> ApprovalRequest:
    request.save(update_fields=["claimed_by", "claimed_at", "handed_to"])
    payload = {"run_id": request.run_id, "tool": request.tool} | said
    who = by.get_username()[:_VIA_LIMIT]
    audit.append(who, via[:_VIA_LIMIT], act, request.approval_id, payload)
    return request
