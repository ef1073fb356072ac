"""Opening and voiding requests."""

from __future__ import annotations

import re

import pytest
from django.db import transaction

from approvals.gate import RecordingGate
from approvals.models import ApprovalRequest, AuditEntry, RequestStatus
from approvals.services.decisions import resolve_unknown
from tests.approvals.rows import approver, ask, ask_about_unknown, awaiting_run, refund_call
from timestep.digests import digest
from timestep.gate import ToolCall, approval_gate
from timestep.models import ToolStart

pytestmark = pytest.mark.django_db


def test_a_request_holds_what_will_be_executed() -> None:
    [request] = ask(awaiting_run(), refund_call(said_before="The cup is broken."))
    arguments = {"order_id": 4711, "amount": 25.0}
    assert request.arguments == arguments
    assert request.arguments_digest == digest(arguments)
    assert request.said_before == "The cup is broken."
    assert re.fullmatch(r"apr_[0-9a-hjkmnp-tv-z]{26}", request.approval_id)


def test_requests_keep_the_order_of_the_calls() -> None:
    calls = [refund_call(f"call_{n}") for n in range(20)]
    ask(awaiting_run(), *calls)
    rows = ApprovalRequest.objects.order_by("created_at", "approval_id")
    assert [row.call_id for row in rows] == [call.call_id for call in calls]


def test_opening_twice_adds_only_what_is_new() -> None:
    run = awaiting_run()
    first = ask(run, refund_call("call_1"))
    second = ask(run, refund_call("call_1"), refund_call("call_2"), refund_call("call_2"))
    assert [row.call_id for row in first + second] == ["call_1", "call_2"]
    assert AuditEntry.objects.filter(act="approval.requested").count() == 2


def test_the_next_revision_asks_again_about_the_same_call_id() -> None:
    run = awaiting_run()
    ask(run)
    run.revision = 2
    assert len(ask(run)) == 1


def test_hostile_arguments_are_stored_on_both_databases() -> None:
    [request] = ask(awaiting_run(), refund_call(arguments='{"to": "\\u0000\\ud800"} \x00'))
    request.refresh_from_db()
    assert request.arguments == '{"to": "\\u0000\\ud800"} \ufffd'


def test_closing_voids_what_waits_and_nothing_else() -> None:
    run, other = awaiting_run(), awaiting_run()
    [request], [untouched] = ask(run), ask(other)
    with transaction.atomic():
        approval_gate().closed(run.pk, "cancelled")
    request.refresh_from_db()
    untouched.refresh_from_db()
    assert (request.status, untouched.status) == (RequestStatus.VOID, RequestStatus.PENDING)
    entry = AuditEntry.objects.get(act="approval.void")
    assert entry.payload == {"run_id": run.pk, "reason": "cancelled"}


def test_closing_twice_records_once() -> None:
    run = awaiting_run()
    ask(run)
    for _ in range(2):
        RecordingGate().closed(run.pk, "cancelled")
    assert AuditEntry.objects.filter(act="approval.void").count() == 1


def test_an_unknown_outcome_is_asked_once_while_it_waits() -> None:
    run = awaiting_run()
    ask_about_unknown(run, "call_1")
    run.revision = 7
    assert ask(run, refund_call(kind="outcome_unknown")) == []


def test_an_unknown_outcome_is_asked_again_after_it_failed_the_run() -> None:
    run = awaiting_run()
    [request] = ask_about_unknown(run, "call_1")
    resolve_unknown(request.pk, outcome="fail", by=approver())
    assert ToolStart.objects.get(call_id="call_1").resolution is None
    [again] = ask(run, refund_call(kind="outcome_unknown"))
    assert again.revision == request.revision + 1


@pytest.mark.parametrize(("asks", "verdict"), [(True, "ask"), (False, "allow")])
def test_the_gate_asks_where_the_tool_asks(asks: bool, verdict: str) -> None:
    call = ToolCall("run_1", "refunds", "refund_order", "call_1", "{}", asks)
    assert RecordingGate().check([call]) == [verdict]


def test_the_site_uses_the_recording_gate() -> None:
    assert isinstance(approval_gate(), RecordingGate)
