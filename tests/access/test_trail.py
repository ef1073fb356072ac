"""Whom agents are for, and where acts came from: both are in the audit trail."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Group, User
from django.db.models import ProtectedError
from django.test import Client

from approvals.models import AgentAccess, AuditEntry
from approvals.services import audit
from approvals.services.decisions import decide
from approvals.services.erasing import erase
from tests.access.people import keep
from tests.approvals.rows import approver, ask, awaiting_run
from tests.web.sure import SURE

pytestmark = pytest.mark.django_db

ROWS = "/admin/approvals/agentaccess/"


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def _entries() -> list[tuple[str, dict[str, Any]]]:
    return [(one.act, one.payload or {}) for one in AuditEntry.objects.order_by("number")]


def test_saving_and_deleting_a_row_is_on_record(root: Client) -> None:
    ana = User.objects.create_user("ana")
    root.post(f"{ROWS}add/", {"agent": "desk", "user": ana.pk})
    row = AgentAccess.objects.get()
    root.post(f"{ROWS}{row.pk}/change/", {"agent": "desk", "user": ana.pk, "decides": "on"})
    root.post(f"{ROWS}{row.pk}/delete/", {"post": "yes"})
    assert [(act, said["user"], said["decides"]) for act, said in _entries()] == [
        ("access.saved", "ana", False),
        ("access.saved", "ana", True),
        ("access.deleted", "ana", True),
    ]
    assert not AgentAccess.objects.exists()
    assert audit.verify().ok


def test_deleting_several_rows_is_on_record(root: Client) -> None:
    rows = [keep("desk", Group.objects.create(name=name)) for name in ("one", "two")]
    chosen = {ACTION_CHECKBOX_NAME: [row.pk for row in rows]}
    root.post(ROWS, {"action": "delete_selected", "post": "yes", **chosen})
    assert [(act, said["group"]) for act, said in _entries()] == [
        ("access.deleted", "one"),
        ("access.deleted", "two"),
    ]


def test_whom_an_agent_is_for_cannot_be_deleted(root: Client) -> None:
    group = Group.objects.create(name="ops")
    keep("desk", group)
    with pytest.raises(ProtectedError):
        group.delete()
    page = root.post(f"/admin/auth/group/{group.pk}/delete/", SURE | {"post": "yes"})
    assert page.status_code == 200
    assert AgentAccess.objects.exists()


@pytest.mark.parametrize(
    ("trusted", "address"), [(False, "192.0.2.7"), (True, "203.0.113.9")], ids=["direct", "proxied"]
)
def test_a_decision_says_where_it_came_from(
    client: Client, settings: Any, trusted: bool, address: str
) -> None:
    settings.TIMESTEP_TRUSTED_PROXY = trusted
    [asked] = ask(awaiting_run())
    client.force_login(approver())
    sent = {"decision": "reject", "reason": "no"}
    where: dict[str, Any] = {
        "REMOTE_ADDR": "192.0.2.7",
        "HTTP_X_FORWARDED_FOR": "203.0.113.9, 192.0.2.7",
    }
    client.post(f"/approvals/{asked.pk}/decide/", SURE | sent, **where)
    entry = AuditEntry.objects.get(act="approval.decided")
    assert (entry.via, (entry.payload or {})["address"]) == ("page", address)
    erase(asked.pk, reason="asked for", actor="root", via="cli:root")
    assert not AuditEntry.objects.filter(payload__address=address).exists()
    assert audit.verify().ok


def test_what_is_done_elsewhere_has_no_address() -> None:
    [asked] = ask(awaiting_run())
    decide(asked.pk, approve=True, by=approver(), via="cli:ops as ana")
    assert all("address" not in said for _, said in _entries())


def test_entries_lead_to_what_they_are_about(root: Client) -> None:
    [asked] = ask(awaiting_run())
    root.post(f"{ROWS}add/", {"agent": "desk", "user": User.objects.get(username="root").pk})
    page = root.get("/audit/").content.decode()
    assert f'href="/approvals/{asked.pk}/"' in page
    assert "127.0.0.1" in page
    assert 'href="/approvals/access' not in page
