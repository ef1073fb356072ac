"""Deadlines: reminders, another group, expiry; and never an approval."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from approvals.errors import AlreadyDecided, DeadlinePassed, NotPermitted
from approvals.models import ApprovalRequest, AuditEntry, Notice, RequestStatus, Vote
from approvals.services import audit
from approvals.services.decisions import decide
from approvals.services.expiry import expire_due
from tests.approvals.rows import ask_about_unknown
from tests.policies.rows import asked, group, launched_by, member, policy
from timestep.models import RunEvent, Segment
from timestep.services.cancel import cancel

pytestmark = pytest.mark.django_db


def _late(seconds: float = 3601) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def _again(request: ApprovalRequest) -> ApprovalRequest:
    return ApprovalRequest.objects.get(pk=request.pk)


def test_nothing_is_due_where_nothing_has_a_deadline() -> None:
    policy()
    asked()
    assert expire_due() is None


def test_the_clock_says_when_it_has_to_look_again() -> None:
    policy(deadline_seconds=3600, reminders=[600])
    asked()
    wait = expire_due()
    assert wait is not None
    assert 2990 < wait <= 3000


def test_a_passed_deadline_expires_and_resumes() -> None:
    policy(deadline_seconds=3600, needs={"Finance": 1})
    request = asked()
    assert expire_due(_late()) == 0.0
    [answer] = Segment.objects.get(run=request.run, n=1).decisions
    assert (answer["approve"], answer["expired"]) == (False, True)
    assert "in time" in str(answer["reason"])
    with pytest.raises(AlreadyDecided, match=r"expired on .*: nobody decided in time"):
        decide(request.pk, approve=True, by=member("ana", "Finance"))
    assert expire_due(_late()) is None


def test_nobody_approves_after_the_deadline_even_where_no_clock_runs() -> None:
    policy("Refunds", deadline_seconds=60)
    ana, request = member("ana"), asked()
    ApprovalRequest.objects.update(deadline_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(DeadlinePassed, match="Refunds"):
        decide(request.pk, approve=True, by=ana)
    assert _again(request).is_pending


def test_reminders_are_told_once_each() -> None:
    policy(deadline_seconds=3600, reminders=[600, 60])
    request = asked()
    for seconds in (3001, 3002, 3541):
        expire_due(_late(seconds))
    told = Notice.objects.filter(kind="reminder").order_by("number")
    assert list(told.values_list("number", flat=True)) == [1, 2]
    assert _again(request).is_pending


def test_another_group_is_asked_and_has_its_own_time() -> None:
    legal = group("Legal")
    policy(
        needs={"Finance": 2}, deadline_seconds=3600, on_expiry="escalate", escalate_to=legal,
        escalation_seconds=60,
    )  # fmt: skip
    ana, bo, request = member("ana", "Finance"), member("bo", "Legal"), asked()
    decide(request.pk, approve=True, by=ana)
    expire_due(_late())
    after = _again(request)
    assert after.is_pending
    assert Vote.objects.get().voided_at is not None
    assert list(after.asked.values_list("group", flat=True)) == [legal.pk]
    with pytest.raises(NotPermitted, match="asks 1 of Legal"):
        decide(request.pk, approve=True, by=ana)
    decide(request.pk, approve=True, by=bo)
    assert _again(request).status == RequestStatus.APPROVED


def test_what_the_other_group_leaves_is_rejected() -> None:
    policy(deadline_seconds=3600, on_expiry="escalate", escalate_to=group("Legal"))
    request = asked()
    expire_due(_late())
    assert RunEvent.objects.get(kind="approval.escalated").payload["asks"] == "1 of Legal"
    assert expire_due(_late()) is not None
    assert _again(request).is_pending
    expire_due(_late(3 * 3600))
    assert _again(request).status == RequestStatus.EXPIRED
    acts = ["approval.escalated", "approval.expired"]
    assert (
        list(AuditEntry.objects.order_by("-number").values_list("act", flat=True))[:2] == acts[::-1]
    )
    assert audit.verify().ok


def test_a_decided_request_and_an_ended_run_are_left_alone() -> None:
    policy(deadline_seconds=60)
    ana, first, second = member("ana"), asked(), asked()
    decide(first.pk, approve=True, by=ana)
    cancel(second.run_id, by="bo")
    assert expire_due(_late()) is None
    assert _again(first).status == RequestStatus.APPROVED
    assert _again(second).status == RequestStatus.VOID


def test_an_unknown_outcome_has_no_deadline() -> None:
    policy(deadline_seconds=60)
    [request] = ask_about_unknown(launched_by(None), "call_1")
    assert (request.deadline_at, request.policy_name) == (None, "Refunds")
