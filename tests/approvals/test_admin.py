"""Approvals in the admin: read-only, with the two actions."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.models import Decision
from approvals.services.decisions import decide
from tests.approvals.rows import approver, ask, awaiting_run, refund_call

pytestmark = pytest.mark.django_db

LIST = "/admin/approvals/approvalrequest/"


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def _post(client: Client, action: str, *ids: str, **fields: str) -> str:
    data = {"action": action, ACTION_CHECKBOX_NAME: ids, **fields}
    return client.post(LIST, data, follow=True).content.decode()


@pytest.mark.parametrize("model", ["approvalrequest", "decision", "auditentry"])
def test_nobody_changes_rows_by_hand(root: Client, model: str) -> None:
    [request] = ask(awaiting_run())
    decide(request.pk, approve=True, by=approver())
    key = "1" if model == "auditentry" else request.pk
    base = f"/admin/approvals/{model}/"
    assert root.get(base).status_code == 200
    assert root.get(f"{base}{key}/change/").status_code == 200
    assert root.get(f"{base}add/").status_code == 403
    assert root.post(f"{base}{key}/change/", {}).status_code == 403
    assert root.post(f"{base}{key}/delete/", {"post": "yes"}).status_code == 403


def test_an_action_asks_before_it_decides(root: Client) -> None:
    [request] = ask(awaiting_run(), refund_call(arguments='{"to": "<script>"}'))
    page = _post(root, "approve_selected", request.pk)
    assert "&lt;script&gt;" in page
    assert "<script>" not in page.split("<ul>")[1]
    assert not Decision.objects.exists()


def test_approving_several(root: Client) -> None:
    rows = ask(awaiting_run(), refund_call("call_1"), refund_call("call_2"))
    page = _post(root, "approve_selected", *(row.pk for row in rows), sent="Approve", reason="")
    assert "2 approved." in page
    decisions = Decision.objects.all()
    assert {(row.outcome, row.via, row.decided_by_name) for row in decisions} == {
        ("approve", "admin", "root")
    }


def test_rejecting_needs_a_reason(root: Client) -> None:
    [request] = ask(awaiting_run())
    page = _post(root, "reject_selected", request.pk, sent="Reject", reason="")
    assert "This field is required." in page
    _post(root, "reject_selected", request.pk, sent="Reject", reason="no")
    assert Decision.objects.get().reason == "no"


def test_each_result_is_told_by_itself(root: Client) -> None:
    first, second = ask(awaiting_run(), refund_call("call_1"), refund_call("call_2"))
    decide(first.pk, approve=False, by=approver(), reason="no")
    page = _post(root, "approve_selected", first.pk, second.pk, sent="Approve", reason="")
    # The admin begins every message with a capital; an id must not be where it does.
    assert re.search(r"Request apr_\w+ was already rejected by ana", page)
    assert "1 approved." in page


def test_a_viewer_is_offered_no_decision(client: Client) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_approvalrequest"))
    client.force_login(viewer)
    [request] = ask(awaiting_run())
    page = _post(client, "approve_selected", request.pk, sent="Approve", reason="")
    assert "approve_selected" not in page
    assert not Decision.objects.exists()


def test_lists_count_no_further_than_a_bound(root: Client) -> None:
    ask(awaiting_run())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert "1 approval request" in root.get(LIST).content.decode()
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    assert counts
    assert all("LIMIT 1000" in sql for sql in counts)
