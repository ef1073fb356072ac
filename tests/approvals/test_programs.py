"""Programs that resume a run decide its requests with it, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from approvals.errors import AlreadyDecided, RequestVoid
from approvals.models import ApprovalRequest, AuditEntry, Decision, RequestStatus
from approvals.services import audit
from approvals.services.decisions import decide
from tests.approvals.rows import approver, ask, awaiting_run, refund_call
from tests.workflows.rows import in_threads
from timestep.errors import AlreadyResumed, WrongStatus
from timestep.models import Run, RunEvent, RunStatus, SavedState, Segment
from timestep.services.resume import resume_by_program
from timestep.services.states import save_interrupted

STATE = {"$schemaVersion": "1.21"}
BY = "program refunds.py"


def _said(call_id: str, approve: bool = True, **more: Any) -> dict[str, Any]:
    return {"call_id": call_id, "approve": approve, "reason": "", "always": False, **more}


def _asked(*call_ids: str) -> tuple[Run, list[ApprovalRequest]]:
    run = awaiting_run("r")
    save_interrupted(run, STATE)
    return run, ask(run, *(refund_call(call_id) for call_id in call_ids))


def _resume(*decisions: dict[str, Any]) -> Segment:
    return resume_by_program("r", 1, list(decisions), state=STATE, by=BY)


@pytest.mark.django_db
def test_requests_are_closed_as_the_program_decided() -> None:
    _, requests = _asked("a", "b")
    _resume(_said("a"), _said("b", False, reason="not ours"))
    statuses = [ApprovalRequest.objects.get(pk=request.pk).status for request in requests]
    assert statuses == [RequestStatus.APPROVED, RequestStatus.REJECTED]
    first, second = Decision.objects.order_by("request__call_id")
    assert (first.decided_by, first.decided_by_name, first.via) == (None, BY, "program")
    assert (second.outcome, second.reason) == ("reject", "not ours")


@pytest.mark.django_db
def test_what_a_program_decides_is_audited_and_told() -> None:
    _, [request] = _asked("a")
    _resume(_said("a", always=True))
    entry = AuditEntry.objects.get(act="approval.decided")
    assert (entry.actor, entry.via, entry.subject) == (BY, "program", request.pk)
    assert entry.payload is not None
    assert "every further call" in entry.payload["reason"]
    assert audit.verify().ok
    event = RunEvent.objects.get(run_id="r", kind="approval.decided")
    assert (event.payload["by"], event.payload["outcome"]) == (BY, "approve")


@pytest.mark.django_db
def test_what_nobody_decided_becomes_void_and_says_why() -> None:
    _, [_, left_open] = _asked("a", "b")
    _resume(_said("a"))
    left_open.refresh_from_db()
    assert left_open.status == RequestStatus.VOID
    assert AuditEntry.objects.get(act="approval.void").payload == {
        "run_id": "r",
        "reason": "superseded",
    }
    with pytest.raises(RequestVoid, match="a program resumed run r; what still waits"):
        decide(left_open.pk, approve=True, by=approver())


@pytest.mark.django_db
def test_what_a_person_decided_before_counts_where_the_program_left_it_open() -> None:
    _, [_, by_ana] = _asked("a", "b")
    decide(by_ana.pk, approve=False, by=approver("ana"), reason="no")
    segment = _resume(_said("a"))
    assert segment.decisions == [
        _said("a") | {"by_program": True},
        {"call_id": "b", "approve": False, "reason": "no"},
    ]
    assert Decision.objects.get(request=by_ana).decided_by_name == "ana"


@pytest.mark.django_db
def test_a_person_who_decided_otherwise_stands_and_nothing_changes() -> None:
    _, [_, by_ana] = _asked("a", "b")
    decide(by_ana.pk, approve=False, by=approver("ana"), reason="no")
    with pytest.raises(AlreadyDecided, match="was already rejected by ana"):
        _resume(_said("a"), _said("b"))
    assert Run.objects.get().status == RunStatus.AWAITING_APPROVAL
    assert ApprovalRequest.objects.get(call_id="a").status == RequestStatus.PENDING
    assert SavedState.objects.count() == 1


@pytest.mark.django_db
def test_a_person_who_decided_the_same_keeps_the_decision() -> None:
    _, [_, by_ana] = _asked("a", "b")
    decide(by_ana.pk, approve=True, by=approver("ana"))
    _resume(_said("a"), _said("b"))
    assert Decision.objects.get(request=by_ana).decided_by_name == "ana"


@pytest.mark.django_db
def test_a_run_that_waits_no_more_is_refused_whole() -> None:
    _, [request] = _asked("a")
    Run.objects.update(status=RunStatus.CANCELLED)
    with pytest.raises(WrongStatus):
        _resume(_said("a"))
    request.refresh_from_db()
    assert request.is_pending
    assert not AuditEntry.objects.filter(act="approval.decided").exists()


@pytest.mark.django_db(transaction=True)
def test_fifty_programs_resume_once_and_decide_once() -> None:
    _asked("a", "b")
    results = in_threads(50, lambda _: _resume(_said("a"), _said("b")))
    assert {getattr(result, "segment_id", result) for result in results} == {"r:1"}
    assert Decision.objects.count() == 2
    assert SavedState.objects.filter(kind="resumed").count() == 1
    assert audit.verify().ok


@pytest.mark.django_db(transaction=True)
def test_a_program_against_a_person_gives_one_resume() -> None:
    _, [request] = _asked("a")
    ana = approver()
    acts: list[Callable[[], object]] = [
        lambda: _resume(_said("a")),
        lambda: decide(request.pk, approve=False, by=ana),
    ]
    by_program, by_person = in_threads(2, lambda n: acts[n]())
    assert Segment.objects.filter(run_id="r", revision=1).count() == 1
    assert Decision.objects.count() == 1
    refused = {type(result) for result in (by_program, by_person)}
    assert refused in ({Segment, AlreadyDecided}, {AlreadyResumed, Decision})


@pytest.mark.django_db
def test_an_edit_stands_where_a_program_approves_the_call_as_well() -> None:
    _, [request, _] = _asked("a", "b")
    ApprovalRequest.objects.update(schema={"type": "object"})
    decide(request.pk, approve=True, by=approver(), arguments={"amount": 1})
    segment = _resume(_said("a"), _said("b"))
    kept = [one for one in segment.decisions if one["call_id"] == "a"]
    assert [one.get("by_program") for one in kept] == [True, None]
    assert kept[-1]["arguments"] == '{"amount": 1}'
