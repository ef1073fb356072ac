"""Deciding several requests together: each by itself."""

from __future__ import annotations

import pytest
from django.test import Client

from approvals.models import ApprovalRequest
from approvals.services.decisions import decide
from tests.approvals.rows import approver, ask, awaiting_run
from tests.web.sure import SURE

pytestmark = pytest.mark.django_db


def asked() -> ApprovalRequest:
    return ask(awaiting_run())[0]


def chosen(*requests: ApprovalRequest) -> list[str]:
    return [f"{one.pk}:{one.arguments_digest}" for one in requests]


def statuses(*requests: ApprovalRequest) -> list[str]:
    for one in requests:
        one.refresh_from_db()
    return [one.status for one in requests]


def test_each_has_its_own_result(owner: Client) -> None:
    one, late, other = asked(), asked(), asked()
    decide(late.pk, approve=False, by=approver("bo"), reason="no")
    answer = owner.post(
        "/approvals/decide/", SURE | {"id": chosen(one, late, other), "decision": "approve"}
    )
    html = answer.content.decode()
    assert "2 of 3 decided" in html
    assert "already rejected by bo" in html
    assert statuses(one, late, other) == ["approved", "rejected", "approved"]


def test_a_rejection_gives_all_the_reason(owner: Client) -> None:
    one, other = asked(), asked()
    sent = {"id": chosen(one, other), "decision": "reject", "reason": "closed today"}
    owner.post("/approvals/decide/", SURE | sent, headers={"HX-Request": "true"})
    assert statuses(one, other) == ["rejected", "rejected"]
    assert one.decision.reason == "closed today"


@pytest.mark.parametrize(
    "sent",
    [
        {"decision": "approve"},
        {"decision": "maybe", "id": ["a:b"]},
        {"decision": "reject", "id": ["a:b"], "reason": " "},
        {"decision": "approve", "id": ["a:b"] * 101},
    ],
)
def test_what_is_no_choice_changes_nothing(owner: Client, sent: dict[str, list[str]]) -> None:
    one = asked()
    answer = owner.post("/approvals/decide/", SURE | sent)
    assert answer.status_code == 422
    assert statuses(one) == ["pending"]


@pytest.mark.parametrize("text", ["nothing:abc", "\x00", ":", "x"])
def test_ids_that_are_none_are_results_of_their_own(owner: Client, text: str) -> None:
    one = asked()
    sent = {"decision": "approve", "id": [text, *chosen(one)]}
    assert "1 of 2 decided" in owner.post("/approvals/decide/", SURE | sent).content.decode()


def test_only_what_was_shown_is_decided(owner: Client) -> None:
    one, other = asked(), asked()
    ids = [f"{one.pk}:{'0' * 64}", one.pk, *chosen(other)]
    owner.post("/approvals/decide/", SURE | {"decision": "approve", "id": ids})
    assert statuses(one, other) == ["pending", "approved"]
    assert owner.get("/approvals/decide/").status_code == 405
