"""Outcome unknown: what people answer, and what comes of it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from approvals.errors import AlreadyDecided, WrongKind
from approvals.models import ApprovalRequest, RequestStatus
from approvals.services.decisions import resolve_unknown
from tests.approvals.rows import approver, ask, ask_about_unknown, awaiting_run
from tests.web.sure import SURE
from timestep.errors import InvalidInput
from timestep.models import RunStatus, Segment, SegmentKind, SegmentState, ToolStart

pytestmark = pytest.mark.django_db


def test_it_happened_hands_the_result_to_the_parked_segment() -> None:
    run = awaiting_run()
    [request] = ask_about_unknown(run, "call_1")
    decision = resolve_unknown(request.pk, outcome="happened", result="refunded", by=approver())
    request.refresh_from_db()
    assert (request.status, decision.result) == (RequestStatus.RESOLVED, "refunded")
    start = ToolStart.objects.get(call_id="call_1")
    assert start.resolution == {"outcome": "happened", "result": "refunded"}
    segment = Segment.objects.get(run=run)
    assert (segment.kind, segment.state) == (SegmentKind.CONTINUE, SegmentState.READY)


def test_the_segment_waits_for_the_last_answer() -> None:
    run, ana = awaiting_run(), approver()
    first, second = ask_about_unknown(run, "call_1", "call_2")
    resolve_unknown(first.pk, outcome="run_again", by=ana)
    assert Segment.objects.get(run=run).state == SegmentState.ENDED
    resolve_unknown(second.pk, outcome="run_again", by=ana)
    assert Segment.objects.get(run=run).state == SegmentState.READY


def test_failing_the_run_voids_the_other_questions() -> None:
    run = awaiting_run()
    first, second = ask_about_unknown(run, "call_1", "call_2")
    resolve_unknown(first.pk, outcome="fail", by=approver(), reason="ask the bank")
    for row in (run, first, second):
        row.refresh_from_db()
    assert run.status == RunStatus.FAILED
    assert (first.status, second.status) == (RequestStatus.RESOLVED, RequestStatus.VOID)
    assert first.decision.reason == "ask the bank"


def test_the_second_answer_is_refused() -> None:
    [request] = ask_about_unknown(awaiting_run(), "call_1")
    ana = approver()
    resolve_unknown(request.pk, outcome="run_again", by=ana)
    with pytest.raises(AlreadyDecided, match="run it again"):
        resolve_unknown(request.pk, outcome="fail", by=ana)


@pytest.mark.parametrize(
    ("outcome", "result", "field"),
    [
        ("maybe", "", "outcome"),
        ("happened", " ", "result"),
        ("happened", "x" * 100_001, "result"),
        ("fail", "done", "result"),
    ],
)
def test_answers_that_make_no_sense_are_refused(outcome: str, result: str, field: str) -> None:
    [request] = ask_about_unknown(awaiting_run(), "call_1")
    with pytest.raises(InvalidInput) as caught:
        resolve_unknown(request.pk, outcome=outcome, result=result, by=approver())
    assert caught.value.field == field


def test_a_tool_call_is_no_unknown_outcome() -> None:
    [request] = ask(awaiting_run())
    with pytest.raises(WrongKind, match="approve or reject"):
        resolve_unknown(request.pk, outcome="fail", by=approver())


def test_several_calls_are_answered_one_by_one_on_one_page(client: Client) -> None:
    """Each once, from the page as it was when it was opened."""
    client.force_login(User.objects.create_superuser("root"))
    run = awaiting_run()
    asked = ask_about_unknown(run, "call_1", "call_2", "call_3")
    for one, outcome in zip(asked, ("happened", "run_again", "happened"), strict=True):
        assert Segment.objects.get(run=run).state == SegmentState.ENDED
        result = "done" if outcome == "happened" else ""
        sent = {"decision": outcome, "result": result, "in": "run", "shown": one.arguments_digest}
        answer = client.post(f"/approvals/{one.pk}/decide/", SURE | sent)
        assert (answer.status_code, answer["Location"]) == (302, f"/runs/{run.pk}/")
    assert Segment.objects.get(run=run).state == SegmentState.READY
    given = ToolStart.objects.values_list("resolution__outcome", flat=True)
    assert list(given.order_by("step")) == ["happened", "run_again", "happened"]
    assert set(ApprovalRequest.objects.values_list("status", flat=True)) == {"resolved"}
