"""Editing arguments: another policy may be met, and earlier votes were about something else."""

from __future__ import annotations

import pytest

from approvals.errors import DeniedByPolicy, NotPermitted
from approvals.models import ApprovalRequest, Decision, Vote
from approvals.services.decisions import decide
from tests.policies.rows import asked, member, policy

pytestmark = pytest.mark.django_db

SMALL, LARGE = {"order_id": 4711, "amount": 25.0}, {"order_id": 4711, "amount": 900}


def _above(amount: int) -> list[dict[str, object]]:
    return [{"field": "amount", "op": "greater", "value": amount}]


def test_an_edit_voids_earlier_votes() -> None:
    policy(needs={"Finance": 2})
    ana, bo = (member(name, "Finance") for name in ("ana", "bo"))
    request = asked()
    decide(request.pk, approve=True, by=ana)
    decide(request.pk, approve=True, by=bo, arguments=LARGE)
    voided = Vote.objects.get(user=ana)
    assert (voided.voided_at is not None, voided.void_reason) == (True, "bo edited the arguments")
    assert ApprovalRequest.objects.get().is_pending
    decide(request.pk, approve=True, by=ana)
    assert not ApprovalRequest.objects.get().is_pending
    assert Vote.objects.filter(voided_at=None).count() == 2


def test_an_edit_under_another_policy_asks_its_people() -> None:
    policy("Large", position=1, conditions=_above(500), needs={"Finance": 1, "Legal": 1})
    policy("Small", position=2, needs={"Finance": 1}, deadline_seconds=60)
    ana, request = member("ana", "Finance"), asked()
    decide(request.pk, approve=True, by=ana, arguments=LARGE)
    after = ApprovalRequest.objects.get()
    assert (after.is_pending, after.policy_name, after.deadline_at) == (True, "Large", None)
    assert after.asked.count() == 2
    assert "Large" in after.why
    assert isinstance(decide(request.pk, approve=True, by=member("bo", "Legal")), Decision)


def test_nobody_edits_their_way_around_the_people_of_a_policy() -> None:
    policy("Large", position=1, conditions=_above(500), needs={"Finance": 1})
    ana, request = member("ana", "Support"), asked()
    with pytest.raises(NotPermitted, match="policy “Large” asks 1 of Finance"):
        decide(request.pk, approve=True, by=ana, arguments=LARGE)
    kept = ApprovalRequest.objects.get()
    assert (kept.policy_name, kept.edited_arguments) == ("", None)


def test_what_a_policy_denies_nobody_edits_a_call_into() -> None:
    policy("Never", position=1, conditions=_above(500), effect="deny")
    ana, request = member("ana"), asked()
    with pytest.raises(DeniedByPolicy, match="Never"):
        decide(request.pk, approve=True, by=ana, arguments=LARGE)
    assert ApprovalRequest.objects.get().edited_arguments is None


def test_an_edit_into_what_no_policy_asks_about_needs_one_approver() -> None:
    policy("Large", conditions=_above(500), needs={"Finance": 2})
    ana, request = member("ana", "Finance"), asked('{"order_id": 4711, "amount": 900}')
    assert isinstance(decide(request.pk, approve=True, by=ana, arguments=SMALL), Decision)


def test_an_edit_under_the_same_policy_begins_no_new_time() -> None:
    policy(needs={"Finance": 2}, deadline_seconds=600)
    ana, request = member("ana", "Finance"), asked()
    decide(request.pk, approve=True, by=ana, arguments=LARGE)
    assert ApprovalRequest.objects.get().deadline_at == request.deadline_at
