"""Expiry is a word of its own wherever a request is told of, beside rejection and counted alone."""

from __future__ import annotations

import importlib
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from approvals.models import ApprovalRequest, AuditEntry, Decision, Policy
from approvals.selectors.before import decided_before
from approvals.services.decisions import decide
from approvals.services.expiry import expire_due
from tests.policies.rows import asked, member, policy
from timestep.models import RunEvent
from timestep.services.cancel import cancel

pytestmark = pytest.mark.django_db


def _expired() -> ApprovalRequest:
    if not Policy.objects.exists():
        policy(deadline_seconds=60)
    request = asked()
    expire_due(timezone.now() + timedelta(seconds=61))
    return ApprovalRequest.objects.get(pk=request.pk)


def _said(*command: str) -> str:
    out = io.StringIO()
    call_command(*command, stdout=out, stderr=out)
    return out.getvalue()


def test_rows_events_and_trail_say_expired() -> None:
    request = _expired()
    assert (request.status, request.decision.outcome) == ("expired", "expired")
    assert str(request.decision) == "expired: nobody decided in time"
    entry = AuditEntry.objects.get(act="approval.expired")
    assert (entry.payload or {})["outcome"] == "expired"
    assert RunEvent.objects.get(kind="approval.decided").payload["outcome"] == "expired"


def test_commands_say_expired() -> None:
    request = _expired()
    line = _said("approvals", "--all")
    assert "  expired  " in line
    [shown] = json.loads(_said("approvals", "--all", "--json"))
    assert (shown["status"], shown["outcome"]) == ("expired", "expired")
    member("bo")
    with pytest.raises(CommandError, match="expired on") as refused:
        call_command("decide", request.pk, "--approve", "--as", "bo", stdout=io.StringIO())
    assert "reject" not in str(refused.value)


@pytest.mark.parametrize("path", ["/approvals/?show=decided", "/approvals/{}/", "/runs/{run}/"])
def test_pages_say_expired_and_nowhere_rejected(path: str, client: Client, admin_user: Any) -> None:
    request = _expired()
    client.force_login(admin_user)
    html = client.get(path.format(request.pk, run=request.run_id)).content.decode().lower()
    assert "expired" in html
    assert "rejected" not in html


def test_each_has_its_own_count() -> None:
    policy(deadline_seconds=60)
    ana = member("ana")
    for approve in (True, False, False):
        decide(asked().pk, approve=approve, by=ana, reason="no")
    _expired()
    last = asked()
    before = decided_before([last])[last.agent, last.tool]
    assert (before.approved, before.rejected, before.expired) == (1, 2, 1)


def test_a_card_counts_what_expired_before(client: Client, admin_user: Any) -> None:
    _expired()
    last = asked()
    client.force_login(admin_user)
    html = client.get(f"/approvals/{last.pk}/").content.decode()
    assert "0 approved, 0 rejected, 1 expired" in html


def test_a_void_request_says_who_ended_its_run(client: Client, admin_user: Any) -> None:
    request = asked()
    cancel(request.run_id, by="schedule nightly")
    client.force_login(admin_user)
    html = client.get(f"/approvals/{request.pk}/").content.decode()
    assert "before anyone decided: it was cancelled by schedule nightly." in html


def test_what_expired_under_the_release_before_is_told_as_expired() -> None:
    request = _expired()
    ApprovalRequest.objects.update(status="rejected")
    Decision.objects.update(outcome="reject")
    migration = importlib.import_module("approvals.migrations.0003_expired")
    migration.tell_expired(apps, connection.SchemaEditorClass(connection))
    request = ApprovalRequest.objects.get(pk=request.pk)
    assert (request.status, request.decision.outcome) == ("expired", "expired")
