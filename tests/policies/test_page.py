"""The page of policies: who sees it, what it says, and that it changes nothing."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.models import ApprovalRequest, AuditEntry
from approvals.services.decisions import decide
from tests.policies.rows import asked, group, member, policy

pytestmark = pytest.mark.django_db

ABOVE_20 = [{"field": "amount", "op": "greater", "value": 20}]


def _signed_in(client: Client, *permissions: str) -> Client:
    user = User.objects.create_user("reader")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


@pytest.fixture
def reader(client: Client) -> Client:
    return _signed_in(client, "view_policy")


def _page(client: Client, **sent: str) -> str:
    call = {"agent": "refunds", "tool": "refund_order", "arguments": "{}", "asks": "1"}
    answer = client.post("/policies/", call | sent)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_page_needs_the_permission_to_look(client: Client) -> None:
    assert client.get("/policies/").status_code == 302
    assert _signed_in(client).get("/policies/").status_code == 403


def test_policies_are_listed_in_words(reader: Client) -> None:
    policy(
        "Big <refunds>", conditions=ABOVE_20, needs={"Finance": 2}, deadline_seconds=7200,
        on_expiry="escalate", escalate_to=group("Legal"),
    )  # fmt: skip
    page = " ".join(reader.get("/policies/").content.decode().split())
    assert "Big &lt;refunds&gt;" in page
    assert "amount is greater than 20" in page
    assert "asks 2 of Finance" in page
    assert "within 2 h, then asks Legal" in page
    assert "nobody could satisfy this policy: it lacks 2 of Finance" in page


def test_a_call_is_looked_up_and_explained(reader: Client) -> None:
    policy("Big", position=1, conditions=ABOVE_20, needs={"Finance": 1})
    policy("Never", position=2, tool="delete_*", effect="deny")
    met = _page(reader, arguments='{"amount": 25}')
    assert "People are asked." in met
    assert "Policy “Big” asks people: amount is greater than 20. It needs 1 of Finance." in met
    assert "it does not hold that amount is greater than 20" in _page(
        reader, arguments='{"amount": 5}'
    )
    assert "The call is denied." in _page(reader, tool="delete_all")
    assert AuditEntry.objects.count() == 0


@pytest.mark.parametrize("arguments", ["[1, 2]", "{", "[" * 9000, '{"a": 1, "a": 2}', "\x00"])
def test_arguments_that_cannot_be_read_are_said_to_be_so(reader: Client, arguments: str) -> None:
    policy("Big", conditions=ABOVE_20)
    page = _page(reader, arguments=arguments, agent="\x00<b>")
    assert "the stricter counts" in page
    assert "amount is greater than 20 (cannot be told for certain)" in page
    assert "<b>" not in page


def test_administrators_see_what_nobody_can_satisfy(client: Client) -> None:
    policy("Big", needs={"Finance": 2})
    ana, bo = member("ana", "Finance"), member("bo", "Finance")
    fine, stuck = asked(), asked()
    decide(fine.pk, approve=True, by=bo)
    bo.groups.clear()
    page = _signed_in(client, "view_policy", "change_policy", "view_run").get("/policies/")
    shown = " ".join(page.content.decode().split())
    assert stuck.pk in shown
    assert fine.pk not in shown
    assert "lacks 1 of Finance" in shown
    assert ana.groups.exists()


def test_others_do_not(reader: Client) -> None:
    policy("Big", needs={"Finance": 2})
    asked()
    assert "Nobody can satisfy" not in reader.get("/policies/").content.decode()


def test_many_requests_alike_cost_what_one_costs(client: Client) -> None:
    policy("Big", needs={"Finance": 1})
    member("ana", "Finance")
    asked()
    _signed_in(client, "view_policy", "change_policy", "view_run")
    with CaptureQueriesContext(connection) as one:
        client.get("/policies/")
    for _ in range(5):
        asked()
    with CaptureQueriesContext(connection) as many:
        client.get("/policies/")
    assert len(many) == len(one)
    assert ApprovalRequest.objects.count() == 6
