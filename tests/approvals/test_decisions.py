"""One decider at a time: what a decision does, and what refuses one."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from approvals.errors import AlreadyDecided, NotPermitted, RequestNotFound, RequestVoid, WrongKind
from approvals.models import AuditEntry, Decision, RequestStatus
from approvals.services.decisions import decide
from tests.approvals.rows import approver, ask, ask_about_unknown, awaiting_run, refund_call
from timestep.errors import InvalidInput
from timestep.models import Run, RunEvent, RunStatus, Segment, SegmentState
from timestep.services.cancel import cancel

pytestmark = pytest.mark.django_db


def test_an_approval_resumes_the_run() -> None:
    run = awaiting_run()
    [request] = ask(run)
    decision = decide(request.pk, approve=True, by=approver(), via="page")
    assert isinstance(decision, Decision)
    request.refresh_from_db()
    assert (decision.outcome, decision.decided_by_name) == ("approve", "ana")
    assert (request.status, request.decided_at) == (RequestStatus.APPROVED, decision.decided_at)
    segment = Segment.objects.get(run=run, n=1)
    assert (segment.state, segment.revision) == (SegmentState.READY, 1)
    answer = {"call_id": "call_1", "approve": True, "reason": ""}
    assert segment.decisions == [answer | {"digest": request.arguments_digest}]


def test_a_rejection_hands_the_reason_on() -> None:
    run = awaiting_run()
    [request] = ask(run)
    decide(request.pk, approve=False, by=approver(), reason="  not our order \n")
    [answer] = Segment.objects.get(run=run, n=1).decisions
    assert answer == {"call_id": "call_1", "approve": False, "reason": "not our order"}


def test_the_run_resumes_only_after_the_last_of_its_requests() -> None:
    run, ana = awaiting_run(), approver()
    first, second = ask(run, refund_call("call_1"), refund_call("call_2"))
    decide(second.pk, approve=True, by=ana)
    assert not Segment.objects.filter(run=run, n=1).exists()
    decide(first.pk, approve=False, by=ana, reason="no")
    answers = Segment.objects.get(run=run, n=1).decisions
    assert [(answer["call_id"], answer["approve"]) for answer in answers] == [
        ("call_1", False),
        ("call_2", True),
    ]


def test_a_decision_shows_on_the_run_page() -> None:
    run = awaiting_run()
    [request] = ask(run)
    decide(request.pk, approve=False, by=approver(), reason="no")
    event = RunEvent.objects.get(run=run, kind="approval.decided")
    assert event.payload == {
        "approval_id": request.pk,
        "call_id": "call_1",
        "tool": "refund_order",
        "outcome": "reject",
        "by": "ana",
        "reason": "no",
    }


def test_a_decision_is_audited_with_its_origin() -> None:
    [request] = ask(awaiting_run())
    decide(request.pk, approve=True, by=approver(), via="cli:root as ana")
    entry = AuditEntry.objects.get(act="approval.decided")
    assert (entry.actor, entry.via, entry.subject) == ("ana", "cli:root as ana", request.pk)
    assert entry.payload is not None
    assert entry.payload["arguments_digest"] == request.arguments_digest


@pytest.mark.parametrize("again", [True, False])
def test_the_second_is_told_who_decided(again: bool) -> None:
    run = awaiting_run()
    [request] = ask(run)
    first = decide(request.pk, approve=True, by=approver("ana"))
    with pytest.raises(AlreadyDecided, match="was already approved by ana on 2") as caught:
        decide(request.pk, approve=again, by=approver("bo"))
    assert caught.value.decision == first
    assert Segment.objects.filter(run=run).count() == 2


def test_a_cancelled_run_leaves_nothing_to_decide() -> None:
    run = awaiting_run()
    [request] = ask(run)
    cancel(run.pk, by="bo")
    with pytest.raises(RequestVoid, match="is cancelled"):
        decide(request.pk, approve=True, by=approver())
    assert not Decision.objects.exists()


def test_an_ended_run_refuses_even_a_request_that_was_left_pending() -> None:
    run = awaiting_run()
    [request] = ask(run)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.TIMED_OUT)
    with pytest.raises(RequestVoid, match="timed_out"):
        decide(request.pk, approve=True, by=approver())


@pytest.mark.parametrize("approval_id", ["apr_none", "apr_\x00", "", "x" * 500])
def test_an_unknown_id_is_named(approval_id: str) -> None:
    with pytest.raises(RequestNotFound):
        decide(approval_id, approve=True, by=approver())


def test_a_stranger_may_not_decide() -> None:
    [request] = ask(awaiting_run())
    stranger = User.objects.create_user("mallory")
    with pytest.raises(NotPermitted, match="mallory"):
        decide(request.pk, approve=True, by=stranger)
    assert not Decision.objects.exists()


def test_somebody_who_left_may_not_decide() -> None:
    [request] = ask(awaiting_run())
    gone = User.objects.create_superuser("gone", is_active=False)
    with pytest.raises(NotPermitted):
        decide(request.pk, approve=True, by=gone)


def test_a_rejection_may_go_without_a_reason() -> None:
    [request] = ask(awaiting_run())
    decide(request.pk, approve=False, by=approver())
    assert Decision.objects.get().outcome == "reject"


def test_a_reason_has_a_bounded_length() -> None:
    [request] = ask(awaiting_run())
    with pytest.raises(InvalidInput) as caught:
        decide(request.pk, approve=False, by=approver(), reason="x" * 2001)
    assert caught.value.field == "reason"
    request.refresh_from_db()
    assert request.is_pending


def test_an_unknown_outcome_is_neither_approved_nor_rejected() -> None:
    [request] = ask_about_unknown(awaiting_run(), "call_1")
    with pytest.raises(WrongKind, match="what became of a call"):
        decide(request.pk, approve=True, by=approver())


def test_nothing_of_a_decision_stays_when_the_run_cannot_resume() -> None:
    run = awaiting_run()
    [request] = ask(run)
    other = {"call_id": "another", "approve": True, "reason": ""}
    Segment.objects.create(segment_id="x", run=run, n=1, revision=1, decisions=[other])
    with pytest.raises(Exception, match="already resumed"):
        decide(request.pk, approve=True, by=approver())
    request.refresh_from_db()
    assert request.is_pending
    assert not AuditEntry.objects.filter(act="approval.decided").exists()
