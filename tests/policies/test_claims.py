"""Claims and handing over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals.errors import AlreadyClaimed, NotPermitted
from approvals.models import ApprovalRequest, AuditEntry, Notice
from approvals.services.claims import claim, hand_over, is_claimed, release
from approvals.services.decisions import decide
from tests.policies.rows import asked, member, policy
from timestep.errors import InvalidInput

pytestmark = pytest.mark.django_db


def test_one_reviews_at_a_time_and_lets_go() -> None:
    ana, bo, request = member("ana"), member("bo"), asked()
    assert is_claimed(claim(request.pk, by=ana))
    with pytest.raises(AlreadyClaimed, match="ana is reviewing"):
        claim(request.pk, by=bo)
    release(request.pk, by=bo)  # Nothing of Bo's to take back.
    assert ApprovalRequest.objects.get().claimed_by == ana
    release(request.pk, by=ana)
    claim(request.pk, by=bo)
    acts = AuditEntry.objects.order_by("number").values_list("act", "actor")
    assert list(acts)[1:] == [
        ("approval.claimed", "ana"),
        ("approval.released", "ana"),
        ("approval.claimed", "bo"),
    ]


def test_a_forgotten_claim_ends_by_itself() -> None:
    ana, bo, request = member("ana"), member("bo"), asked()
    claim(request.pk, by=ana)
    ApprovalRequest.objects.update(claimed_at=timezone.now() - timedelta(minutes=16))
    assert claim(request.pk, by=bo).claimed_by == bo


def test_a_claim_keeps_nobody_from_deciding() -> None:
    ana, bo, request = member("ana"), member("bo"), asked()
    claim(request.pk, by=ana)
    decide(request.pk, approve=True, by=bo)
    assert not ApprovalRequest.objects.get().is_pending


def test_a_request_is_handed_to_somebody_who_may_decide() -> None:
    policy(needs={"Finance": 1})
    ana, bo, cy = member("ana", "Finance"), member("bo", "Finance"), member("cy")
    request = asked()
    claim(request.pk, by=ana)
    handed = hand_over(request.pk, by=ana, to=bo)
    assert (handed.handed_to, handed.claimed_by) == (bo, None)
    assert Notice.objects.get(kind="handed_over").only_to == bo
    for other, why in ((cy, "cy may not decide"), (ana, "somebody else")):
        with pytest.raises(InvalidInput, match=why) as caught:
            hand_over(request.pk, by=ana, to=other)
        assert caught.value.field == "to"


def test_who_may_not_decide_does_neither() -> None:
    policy(needs={"Finance": 1})
    cy, ana, request = member("cy"), member("ana", "Finance"), asked()
    with pytest.raises(NotPermitted):
        claim(request.pk, by=cy)
    with pytest.raises(NotPermitted):
        hand_over(request.pk, by=cy, to=ana)
    assert AuditEntry.objects.count() == 1
