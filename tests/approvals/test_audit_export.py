"""Exporting, verifying and erasing the audit trail."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client

from approvals.models import AuditEntry
from approvals.selectors import audit as trail
from approvals.services.audit import append, verify
from approvals.services.decisions import decide
from approvals.services.erasing import erase
from approvals.views import audit as views
from tests.access.people import person
from tests.approvals.rows import approver, ask, awaiting_run, refund_call
from timestep.errors import InvalidInput

pytestmark = pytest.mark.django_db
SECRET = '{"order_id": 1, "password": "hunter22"}'


def _decided(**fields: Any) -> str:
    asked = ask(awaiting_run(), refund_call(**fields))[0]
    decide(asked.pk, approve=False, by=approver(), reason="=cmd()")
    return asked.pk


def _run(name: str, *arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def test_json_lines_hold_the_chain_and_no_secret() -> None:
    _decided(arguments=SECRET)
    lines = [json.loads(line) for line in _run("export_audit").splitlines()]
    assert [line["number"] for line in lines] == [1, 2]
    assert lines[1]["previous_hash"] == lines[0]["entry_hash"]
    assert lines[1]["entry_hash"] == verify().head
    assert "hunter22" not in str(lines)
    assert "order_id" in str(lines)


def test_no_cell_of_the_csv_is_a_formula() -> None:
    append("=HYPERLINK()", "@x", "approval.decided", "-1", {"reason": "=cmd()"})
    rows = list(csv.DictReader(io.StringIO(_run("export_audit", format="csv"))))
    assert (rows[0]["actor"], rows[0]["via"], rows[0]["subject"]) == ("'=HYPERLINK()", "'@x", "'-1")
    assert json.loads(rows[0]["payload"]) == {"reason": "=cmd()"}


def test_an_export_goes_on_after_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("approvals.management.commands.export_audit._AT_ONCE", 1)
    _decided()
    assert len(_run("export_audit").splitlines()) == 2
    assert len(_run("export_audit", after=1).splitlines()) == 1


def test_the_whole_trail_is_verified_against_its_head() -> None:
    _decided()
    head = verify().head
    assert "whole" in _run("verify_audit", head=head.upper())


@pytest.mark.parametrize("harm", ["edit", "delete", "truncate", "swap", "payload"])
def test_harm_is_found(harm: str) -> None:
    _decided()
    append("ana", "page", "approval.void", "x", {})
    head = verify().head
    second = AuditEntry.objects.filter(number=2)
    harms: dict[str, Callable[[], object]] = {
        "edit": lambda: second.update(actor="bo"),
        "delete": second.delete,
        "truncate": lambda: AuditEntry.objects.filter(number=3).delete(),
        "payload": lambda: second.update(payload={"outcome": "approve"}),
        "swap": lambda: (
            AuditEntry.objects.filter(number__gte=2).update(number=F("number") + 10),
            AuditEntry.objects.filter(number=13).update(number=2),
            AuditEntry.objects.filter(number=12).update(number=3),
        ),
    }
    harms[harm]()
    with pytest.raises(CommandError, match="does not hold"):
        _run("verify_audit", head=head)


def test_payloads_are_erased_and_the_chain_stands() -> None:
    approval_id = _decided(arguments=SECRET)
    assert "2 payloads" in _run("erase_audit", approval_id, reason="asked by Ana K.")
    found = verify()
    assert (found.ok, found.erased, found.entries) == (True, 2, 3)
    last = AuditEntry.objects.last()
    assert last is not None
    assert last.payload == {"payloads": 2, "reason": "asked by Ana K."}
    assert json.loads(_run("export_audit").splitlines()[0])["payload"] is None


@pytest.mark.parametrize(("subject", "reason"), [("none", "x"), ("decided", " "), ("waiting", "x")])
def test_what_cannot_be_erased_is_refused(subject: str, reason: str) -> None:
    decided, waiting = _decided(), ask(awaiting_run())[0].pk
    named = {"decided": decided, "waiting": waiting}.get(subject, subject)
    with pytest.raises(InvalidInput):
        erase(named, reason=reason, actor="ana", via="test")
    assert verify().erased == 0


def test_the_page_is_for_those_who_may_look_at_the_trail() -> None:
    approval_id = _decided(arguments=SECRET)
    client = Client()
    client.force_login(person("auditor", "approvals.view_auditentry"))
    shown = client.get("/audit/").content.decode()
    assert approval_id in shown
    assert verify().head in shown
    assert "hunter22" not in shown
    assert client.get("/audit/export.csv")["Content-Type"].startswith("text/csv")
    assert client.get("/audit/export.xml").status_code == 404


def test_pages_and_downloads_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "PAGE_SIZE", 2)
    monkeypatch.setattr(views, "EXPORTED_AT_ONCE", 2)
    for number in range(5):
        append("ana", "page", "approval.void", f"apr_{number}", {})
    client = Client()
    client.force_login(person("auditor", "approvals.view_auditentry"))
    assert client.get("/audit/", {"before": "x"}).context["before"] == 4
    assert client.get("/audit/", {"before": 3}).context["before"] is None
    first = client.get("/audit/export.jsonl")
    assert first["X-Timestep-Next"] == "2"
    last = client.get("/audit/export.jsonl", {"after": 4})
    assert json.loads(last.content)["number"] == 5
    assert "X-Timestep-Next" not in last


def test_reading_the_trail_is_one_query(django_assert_num_queries: Any) -> None:
    _decided()
    with django_assert_num_queries(1):
        assert len(trail.entries_before(None, 10)) == 2
