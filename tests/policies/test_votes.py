"""Requests that need several people: votes, what is missing, and the decision of the last."""

from __future__ import annotations

import pytest

from approvals.errors import AlreadyDecided, AlreadyVoted, NotPermitted, VoteNotNeeded
from approvals.models import AuditEntry, Decision, RequestStatus, Vote
from approvals.policies.counting import missing
from approvals.policies.people import may_decide
from approvals.policies.rules import Named, Need, Rules, rules_of
from approvals.services import audit
from approvals.services.decisions import decide
from tests.policies.rows import asked, member, policy
from timestep.models import RunEvent, Segment

pytestmark = pytest.mark.django_db


def test_the_last_of_two_votes_decides() -> None:
    policy(needs={"Finance": 2})
    ana, bo = member("ana", "Finance"), member("bo", "Finance")
    request = asked()
    first = decide(request.pk, approve=True, by=ana)
    assert isinstance(first, Vote)
    assert not Segment.objects.filter(run=request.run, n=1).exists()
    assert [str(need) for need in missing(rules_of(request), [first.fills])] == ["1 of Finance"]
    decision = decide(request.pk, approve=True, by=bo, reason="fine")
    assert isinstance(decision, Decision)
    [answer] = Segment.objects.get(run=request.run, n=1).decisions
    assert answer["approve"]
    assert Vote.objects.count() == 2
    assert audit.verify().ok


def test_a_vote_is_audited_and_shown() -> None:
    policy(needs={"Finance": 1, "Legal": 1})
    request = asked()
    decide(request.pk, approve=True, by=member("ana", "Finance"), via="page")
    entry = AuditEntry.objects.get(act="approval.voted")
    assert entry.payload is not None
    assert (entry.actor, entry.payload["missing"]) == ("ana", "1 of Legal")
    assert RunEvent.objects.get(kind="approval.voted").payload["by"] == "ana"


def test_nobody_votes_twice() -> None:
    policy(needs={"Finance": 2})
    ana, request = member("ana", "Finance"), asked()
    decide(request.pk, approve=True, by=ana)
    with pytest.raises(AlreadyVoted, match="ana approved request"):
        decide(request.pk, approve=True, by=ana)
    assert Vote.objects.count() == 1


def test_one_rejection_decides_against_earlier_votes() -> None:
    policy(needs={"Finance": 2})
    ana, bo, request = member("ana", "Finance"), member("bo", "Finance"), asked()
    decide(request.pk, approve=True, by=ana)
    decide(request.pk, approve=False, by=bo, reason="no")
    request.refresh_from_db()
    assert request.status == RequestStatus.REJECTED
    with pytest.raises(AlreadyDecided, match="rejected by bo"):
        decide(request.pk, approve=True, by=ana)


def test_who_approved_may_still_reject() -> None:
    policy(needs={"Finance": 2})
    ana, request = member("ana", "Finance"), asked()
    decide(request.pk, approve=True, by=ana)
    assert isinstance(decide(request.pk, approve=False, by=ana, reason="wait"), Decision)


def test_a_third_of_a_group_that_needs_two_is_not_needed() -> None:
    policy(needs={"Finance": 1, "Legal": 1})
    request = asked()
    decide(request.pk, approve=True, by=member("ana", "Finance"))
    with pytest.raises(VoteNotNeeded, match="needs 1 of Legal"):
        decide(request.pk, approve=True, by=member("bo", "Finance"))
    assert Vote.objects.count() == 1


def test_nobody_fills_two_needs_but_people_are_placed_where_they_fit() -> None:
    finance, legal = Named(1, "Finance"), Named(2, "Legal")
    rules = Rules(policy="P", needs=(Need(finance), Need(legal)))
    assert missing(rules, [[1, 2]]) == (Need(legal),)
    assert missing(rules, [[1, 2], [1]]) == ()
    assert missing(rules, [[1], [1]]) == (Need(legal),)
    assert missing(rules, []) == (Need(finance), Need(legal))


def test_who_is_in_no_group_that_is_asked_may_not_decide() -> None:
    policy("Big refunds", needs={"Finance": 1})
    cy, request = member("cy", "Support"), asked()
    for approve in (True, False):
        with pytest.raises(NotPermitted, match=r"policy “Big refunds” asks 1 of Finance"):
            decide(request.pk, approve=approve, by=cy, reason="me")
    assert may_decide(request, member("ana", "Finance")) == ""


def test_named_users_fill_the_need_without_a_group() -> None:
    ana, bo = member("ana"), member("bo")
    policy(needs={"": 1, "Finance": 1}, users=[ana])
    request = asked()
    assert "asks 1 of ana and 1 of Finance" in may_decide(request, bo)
    decide(request.pk, approve=True, by=ana)
    decide(request.pk, approve=True, by=member("cy", "Finance"))
    request.refresh_from_db()
    assert request.status == RequestStatus.APPROVED
