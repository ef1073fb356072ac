"""Approvals on pages: looking, deciding, and coming too late."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from approvals.models import ApprovalRequest, Decision
from approvals.services.decisions import decide
from tests.approvals.rows import approver, ask, ask_about_unknown, awaiting_run, refund_call
from tests.web.events import event
from tests.web.sure import SURE
from timestep.models import Run
from timestep.services.cancel import cancel

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def asked(db: None) -> ApprovalRequest:
    return ask(awaiting_run("r"))[0]


def test_what_waits_is_listed_with_its_arguments(owner: Client, asked: ApprovalRequest) -> None:
    html = owner.get("/approvals/").content.decode()
    assert f'id="approval-{asked.pk}"' in html
    assert "refund_order" in html
    assert "4711" in html
    assert 'value="approve"' in html


def test_who_may_only_look_gets_no_buttons(looker: Client, asked: ApprovalRequest) -> None:
    html = looker.get(f"/approvals/{asked.pk}/").content.decode()
    assert 'value="approve"' not in html
    assert "approvals.decide_approvalrequest" in html


def test_the_permission_to_decide_is_enough(looker: Client, asked: ApprovalRequest) -> None:
    user = User.objects.get(username="looker")
    user.user_permissions.add(Permission.objects.get(codename="decide_approvalrequest"))
    assert (
        looker.post(f"/approvals/{asked.pk}/decide/", SURE | {"decision": "approve"}).status_code
        == 302
    )
    assert Decision.objects.get().decided_by == user


def test_opening_a_link_never_decides(owner: Client, asked: ApprovalRequest) -> None:
    owner.get(f"/approvals/{asked.pk}/?decision=approve")
    assert owner.get(f"/approvals/{asked.pk}/decide/?decision=approve").status_code == 405
    assert not Decision.objects.exists()


def test_without_javascript_a_decision_leads_back(owner: Client, asked: ApprovalRequest) -> None:
    sent = {"decision": "approve", "in": "run"}
    assert owner.post(f"/approvals/{asked.pk}/decide/", SURE | sent)["Location"] == "/runs/r/"
    html = owner.get(f"/approvals/{asked.pk}/").content.decode()
    assert "Approved by owner" in html
    assert 'value="approve"' not in html


def test_with_htmx_a_decision_answers_the_card(owner: Client, asked: ApprovalRequest) -> None:
    path, sent = f"/approvals/{asked.pk}/decide/", {"decision": "reject", "reason": "a <b>"}
    html = owner.post(path, SURE | sent, headers=HTMX).content.decode()
    assert "<html" not in html
    assert "Rejected by owner" in html
    assert "a &lt;b&gt;" in html


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"decision": "reject", "reason": " "}, "say why it is rejected"),
        ({"decision": "reject", "reason": "x" * 2001}, "is longer than 2,000"),
        ({"decision": "maybe"}, "must be approve or reject"),
        ({}, "must be approve or reject"),
    ],
)
def test_a_decision_that_is_none_changes_nothing(
    owner: Client, asked: ApprovalRequest, sent: dict[str, str], said: str
) -> None:
    answer = owner.post(f"/approvals/{asked.pk}/decide/", SURE | sent)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Decision.objects.exists()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_who_comes_second_is_told_who_decided(
    owner: Client, asked: ApprovalRequest, headers: dict[str, str]
) -> None:
    decide(asked.pk, approve=False, by=approver("bo"), reason="too much")
    path = f"/approvals/{asked.pk}/decide/"
    answer = owner.post(path, SURE | {"decision": "approve"}, headers=headers)
    assert answer.status_code == 409
    assert "already rejected by bo on" in answer.content.decode()


def test_a_run_that_ended_leaves_nothing_to_decide(owner: Client, asked: ApprovalRequest) -> None:
    cancel("r", by="bo")
    answer = owner.post(f"/approvals/{asked.pk}/decide/", SURE | {"decision": "approve"})
    assert answer.status_code == 409
    assert "The run ended before anyone decided" in answer.content.decode()


def test_a_decision_about_nothing_is_not_found(owner: Client) -> None:
    assert (
        owner.post("/approvals/nothing/decide/", SURE | {"decision": "approve"}).status_code == 404
    )


@pytest.mark.parametrize(
    ("outcome", "result"), [("happened", "refunded"), ("run_again", ""), ("fail", "")]
)
def test_an_unknown_outcome_has_three_answers(owner: Client, outcome: str, result: str) -> None:
    (asked,) = ask_about_unknown(awaiting_run("r"), "call_1")
    html = owner.get(f"/approvals/{asked.pk}/").content.decode()
    assert f'value="{outcome}"' in html
    sent = {"decision": outcome, "result": result}
    assert owner.post(f"/approvals/{asked.pk}/decide/", SURE | sent).status_code == 302
    assert Decision.objects.get().outcome == outcome


def test_what_happened_needs_its_result(owner: Client) -> None:
    (asked,) = ask_about_unknown(awaiting_run("r"), "call_1")
    answer = owner.post(f"/approvals/{asked.pk}/decide/", SURE | {"decision": "happened"})
    assert (answer.status_code, answer.context["wrong_field"]) == (422, "result")


def test_hidden_letters_of_arguments_are_shown(owner: Client) -> None:
    call = refund_call(arguments='{"amount": "1\\u202e0", "to": "<script>x</script>"}')
    (asked,) = ask(awaiting_run("r"), call)
    html = owner.get(f"/approvals/{asked.pk}/").content.decode()
    assert "U+202E" in html
    assert "<script>x" not in html
    assert "\u202e" not in html


def test_a_long_list_has_pages(owner: Client) -> None:
    for number in range(30):
        ask(awaiting_run(), refund_call(f"call_{number}"))
    first = owner.get("/approvals/")
    second = owner.get("/approvals/", {"after": first.context["next"]})
    pages = [*first.context["cards"], *second.context["cards"]]
    assert len({card.asked.pk for card in pages}) == len(pages) == 30
    assert owner.get("/approvals/?show=decided&after=nothing").status_code == 200


@pytest.mark.parametrize("path", ["/approvals/", "/runs/run_x/"])
def test_a_card_shows_arguments_in_the_order_they_were_written(owner: Client, path: str) -> None:
    ask(awaiting_run("run_x"), refund_call(arguments='{"order_id": 1, "amount": 2.50, "to": "x"}'))
    event(Run.objects.get(pk="run_x"), "approval.requested", call_id="call_1", tool="refund_order")
    html = owner.get(path).content.decode()
    names = [html.index(f">{name}</dt>") for name in ("Order id", "Amount", "To")]
    assert names == sorted(names)
