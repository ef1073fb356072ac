"""Who may decide: four eyes, and where there are only two."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from approvals.errors import DecidedByPolicy, NotPermitted
from approvals.models import ApprovalRequest, RequestStatus
from approvals.policies.counting import unfillable, valid_votes
from approvals.policies.people import Decider, deciders, may_decide
from approvals.services.decisions import decide, resolve_unknown
from approvals.services.programs import record_program
from tests.approvals.rows import approver, ask, ask_about_unknown
from tests.policies.rows import asked, launched_by, member, policy

pytestmark = pytest.mark.django_db


def _waiting(user: User) -> list[ApprovalRequest]:
    return list(ApprovalRequest.objects.filter(Decider(user).waiting()))


def test_who_is_alone_decides_what_they_launched() -> None:
    ana = approver("ana")
    request = asked(launcher=ana)
    assert may_decide(request, ana) == ""
    assert list(deciders(request)) == [ana]
    assert _waiting(ana) == [request]
    decide(request.pk, approve=True, by=ana)


def test_where_somebody_else_may_decide_the_launcher_may_not() -> None:
    ana, bo = approver("ana"), approver("bo")
    request = asked(launcher=ana)
    assert "you launched this run" in may_decide(request, ana)
    assert list(deciders(request)) == [bo]
    assert (_waiting(ana), _waiting(bo)) == ([], [request])
    with pytest.raises(NotPermitted, match="the built-in rule asks for somebody else"):
        decide(request.pk, approve=False, by=ana)
    decide(request.pk, approve=True, by=bo)


def test_a_policy_keeps_even_the_only_one_from_what_they_launched() -> None:
    policy("Refunds")
    ana = approver("ana")
    request = asked(launcher=ana)
    assert "policy “Refunds” asks for somebody else" in may_decide(request, ana)
    assert not deciders(request).exists()
    assert _waiting(ana) == []
    assert [str(need) for need in unfillable(request)] == ["1"]


def test_a_policy_without_four_eyes_lets_the_launcher_decide() -> None:
    policy(four_eyes=False)
    ana, _ = approver("ana"), approver("bo")
    request = asked(launcher=ana)
    assert decide(request.pk, approve=True, by=ana)


def test_what_is_asked_of_a_group_waits_for_its_members() -> None:
    policy(needs={"Finance": 2})
    ana, bo, cy = member("ana", "Finance"), member("bo", "Finance"), member("cy", "Legal")
    request = asked()
    assert [_waiting(user) for user in (ana, bo, cy)] == [[request], [request], []]
    decide(request.pk, approve=True, by=ana)
    assert [_waiting(user) for user in (ana, bo)] == [[], [request]]
    assert set(deciders(request)) == {ana, bo}


def test_who_left_the_group_leaves_a_request_that_nobody_can_satisfy() -> None:
    policy(needs={"Finance": 2})
    ana, bo = member("ana", "Finance"), member("bo", "Finance")
    request = asked()
    decide(request.pk, approve=True, by=ana)
    assert unfillable(request, valid_votes(request)) == ()
    ana.groups.clear()  # The vote stays.
    assert unfillable(request, valid_votes(request)) == ()
    bo.groups.clear()
    assert [str(need) for need in unfillable(request, valid_votes(request))] == ["1 of Finance"]


def test_an_edited_policy_changes_nothing_of_what_waits() -> None:
    kept = policy(needs={"Finance": 1})
    ana, request = member("ana", "Finance"), asked()
    kept.delete()
    assert may_decide(request, ana) == ""
    assert "Refunds" in may_decide(request, member("cy"))


def test_one_of_those_whom_a_policy_asks_answers_about_an_unknown_outcome() -> None:
    policy(needs={"Finance": 2})
    [request] = ask_about_unknown(launched_by(None), "call_1")
    with pytest.raises(NotPermitted):
        resolve_unknown(request.pk, outcome="run_again", by=member("cy"))
    resolve_unknown(request.pk, outcome="run_again", by=member("ana", "Finance"))
    assert ApprovalRequest.objects.get().status == RequestStatus.RESOLVED


@pytest.mark.parametrize("approve", [True, False])
def test_a_program_does_not_decide_what_a_policy_leaves_to_people(approve: bool) -> None:
    policy("Refunds")
    request = asked()
    decision = {"call_id": "call_1", "approve": approve, "reason": ""}
    with pytest.raises(DecidedByPolicy, match="'Refunds' leaves the call of 'refund_order'"):
        record_program(request.run_id, 1, [decision], "program")
    assert ApprovalRequest.objects.get().is_pending


def test_a_program_may_repeat_what_people_decided() -> None:
    policy("Refunds")
    request, ana = asked(), member("ana")
    decide(request.pk, approve=True, by=ana)
    decision = {"call_id": "call_1", "approve": True, "reason": ""}
    assert record_program(request.run_id, 1, [decision], "program") == []


def test_a_program_approves_no_further_calls_that_a_policy_may_ask_about() -> None:
    more = [{"field": "amount", "op": "greater", "value": 100}]
    policy("Big refunds", conditions=more)
    run = launched_by(None)
    [request] = ask(run)
    assert request.policy_name == ""
    decision = {"call_id": "call_1", "approve": True, "reason": "", "always": True}
    with pytest.raises(DecidedByPolicy, match="Big refunds"):
        record_program(run.pk, 1, [decision], "program")
    record_program(run.pk, 1, [decision | {"always": False}], "program")
