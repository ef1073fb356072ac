"""Policies in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from approvals.models import AuditEntry, Policy
from approvals.services import audit
from tests.policies.rows import group, member, policy

pytestmark = pytest.mark.django_db

ADD = "/admin/approvals/policy/add/"


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def _sent(*needs: tuple[object, int], **fields: Any) -> dict[str, Any]:
    sent = {
        "name": "Refunds",
        "position": 1,
        "active": "on",
        "effect": "ask",
        "on_expiry": "reject",
        "conditions": "[]",
        "reminders": "",
        "needs-TOTAL_FORMS": len(needs),
        "needs-INITIAL_FORMS": 0,
    }
    for number, (of, count) in enumerate(needs):
        sent |= {f"needs-{number}-group": of, f"needs-{number}-count": count}
    return sent | fields


def test_a_policy_is_saved_with_its_needs_and_audited(root: Client) -> None:
    member("ana", "Finance")
    conditions = '[{"field": "amount", "op": "greater", "value": 20}]'
    sent = _sent((group("Finance").pk, 1), conditions=conditions, reminders="[60]")
    answer = root.post(ADD, sent | {"deadline_seconds": 3600})
    assert answer.status_code == 302
    saved = Policy.objects.get()
    assert (saved.needs.get().group, saved.reminders) == (group("Finance"), [60])
    entry = AuditEntry.objects.get(act="policy.saved")
    assert entry.payload is not None
    assert '"name":"Finance"' in entry.payload["rules"]
    assert audit.verify().ok


@pytest.mark.parametrize(
    ("needs", "fields", "says"),
    [
        ([("Finance", 2)], {}, "it lacks 1 of Finance"),
        ([("Nobody", 1)], {}, "it lacks 1 of Nobody"),
        ([("", 3)], {}, "it lacks 1 of those who may decide"),
        ([("", 99)], {}, "at most 20 people"),
        ([("Finance", 1), ("Finance", 1)], {}, "duplicate"),
        ([("Finance", 1)], {"effect": "deny"}, "effect ask only"),
        ([("Finance", 1)], {"effect": "what"}, "valid choice"),
        ([], {"on_expiry": "escalate"}, "name the group"),
        ([], {"on_expiry": "escalate", "escalate_to": "Finance"}, "set the deadline"),
        ([], {"escalate_to": "Finance"}, "only goes with another group"),
        ([], {"conditions": "[" * 5000}, "Write a JSON list"),
        ([], {"conditions": '[{"field": "a", "op": "like", "value": 1}]'}, "use one of equals"),
        ([], {"conditions": "x" * 60_000}, "Write a JSON list"),
        ([], {"reminders": "[60]"}, "go with a deadline"),
        ([], {"deadline_seconds": "0"}, "greater than or equal to 1"),
        ([], {"deadline_seconds": "9" * 30}, "less than or equal to"),
        ([], {"name": "a\x00b"}, "Null characters"),
        ([("Finance", 1)], {"users": "root"}, "fill a need without a group"),
    ],
)
def test_what_cannot_be_is_refused(root: Client, needs: Any, fields: Any, says: str) -> None:
    member("ana", "Finance")
    keys = {"Finance": group("Finance").pk, "Nobody": group("Nobody").pk, "": ""}
    keys["root"] = User.objects.get(username="root").pk
    named = {name: keys.get(value, value) for name, value in fields.items()}
    answer = root.post(ADD, _sent(*((keys[of], count) for of, count in needs), **named))
    assert answer.status_code == 200
    assert says in answer.content.decode()
    assert not Policy.objects.exists()


def test_who_left_does_not_count_but_an_inactive_policy_may_wait_for_people(root: Client) -> None:
    User.objects.filter(pk=member("ana", "Finance").pk).update(is_active=False)
    sent = _sent((group("Finance").pk, 1))
    assert "it lacks 1 of Finance" in root.post(ADD, sent).content.decode()
    assert root.post(ADD, sent | {"active": ""}).status_code == 302


def test_deleting_is_audited(root: Client) -> None:
    one, other = policy("one"), policy("other")
    root.post(f"/admin/approvals/policy/{one.pk}/delete/", {"post": "yes"})
    data = {"action": "delete_selected", "_selected_action": [other.pk], "post": "yes"}
    root.post("/admin/approvals/policy/", data)
    assert not Policy.objects.exists()
    assert AuditEntry.objects.filter(act="policy.deleted").count() == 2


def test_who_may_only_look_changes_nothing(client: Client) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_policy"))
    client.force_login(viewer)
    made = policy()
    page = client.get(f"/admin/approvals/policy/{made.pk}/change/")
    assert page.status_code == 200
    assert client.post(ADD, _sent()).status_code == 403
    assert client.post(f"/admin/approvals/policy/{made.pk}/change/", _sent()).status_code == 403
