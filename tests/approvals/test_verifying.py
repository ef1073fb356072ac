"""What was added, changed or deleted behind the audit trail is found, and named."""

from __future__ import annotations

import io
import json

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from approvals.models import ApprovalRequest, AuditEntry, Decision, Grant, Vote
from approvals.services import audit
from approvals.services.verifying import differences
from tests.approvals.everything import Everything
from timestep.models import Segment

pytestmark = pytest.mark.django_db
OTHER = "f" * 64


def _sql(statement: str, **values: int | str) -> None:
    """Execute a statement as somebody would who has the database and not the product."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount != 0, "the statement changed nothing"


def _found() -> list[str]:
    return [f"{one.row}: {one.what}" for one in differences()]


def _verified() -> str:
    out = io.StringIO()
    call_command("verify_audit", stdout=out, stderr=out)
    return out.getvalue()


def test_an_honest_installation_is_whole() -> None:
    Everything()
    assert _found() == []
    assert _verified().endswith("whole\n")


# Which request, what is done to it behind the trail, and what is said.
_REQUEST = "UPDATE approvals_approvalrequest SET {} WHERE approval_id = %(id)s"
_DECISION = "UPDATE approvals_decision SET {} WHERE request_id = %(id)s"
_VOTE = "UPDATE approvals_vote SET {} WHERE request_id = %(id)s AND user_name = 'ana'"
_TAMPERED = [
    ("approved", _DECISION.format("outcome = 'reject'"), "outcome of its decision is 'reject'"),
    ("rejected", _DECISION.format("outcome = 'approve'"), "outcome of its decision is 'approve'"),
    ("expired", _DECISION.format("outcome = 'approve'"), "outcome of its decision is 'approve'"),
    ("approved", _DECISION.format("reason = 'x'"), "reason of its decision is 'x'"),
    ("unknown", _DECISION.format("result = 'x'"), "result of its decision is 'x'"),
    ("approved", _DECISION.format("decided_by_name = 'bo'"), "decided_by of its decision is 'bo'"),
    ("approved", _DECISION.format("decided_by_id = %(bo)s"), "decided_by of its decision is 'bo'"),
    ("approved", _DECISION.format("via = 'admin'"), "via of its decision is 'admin'"),
    ("approved", _DECISION.format("decided_at = '2020-01-01 00:00:00'"), "decided_at"),
    ("approved", "DELETE FROM approvals_decision WHERE request_id = %(id)s", "decision is gone"),
    ("by program", _DECISION.format("outcome = 'reject'"), "outcome of its decision"),
    ("rejected", _REQUEST.format("status = 'approved'"), "status is 'approved'"),
    ("approved", _REQUEST.format("status = 'pending'"), "status is 'pending'"),
    ("waiting", _REQUEST.format("status = 'approved'"), "is approved, and no entry says so"),
    ("void", _REQUEST.format("status = 'pending'"), "says that it became void"),
    ("left open", _REQUEST.format("status = 'approved'"), "says that it became void"),
    ("waiting", _REQUEST.format("arguments = '{{\"amount\": 1}}'"), "digest of its arguments"),
    ("erased", _REQUEST.format("arguments = '{{\"amount\": 1}}'"), "arguments have the digest"),
    ("edited", _REQUEST.format("edited_arguments = '{{\"amount\": 1}}'"), "have the digest"),
    ("edited", _REQUEST.format("edited_arguments = NULL"), "arguments have the digest"),
    ("waiting", _REQUEST.format("arguments_digest = %(other)s"), "arguments_digest is"),
    ("waiting", _REQUEST.format("tool = 'x'"), "tool is 'x', and 'refund_order' was recorded"),
    ("waiting", _REQUEST.format("agent = 'x'"), "agent is 'x'"),
    ("waiting", _REQUEST.format("call_id = 'x'"), "call_id is 'x'"),
    ("waiting", _REQUEST.format("preview = 'Pay 1'"), "title, preview, schema and words"),
    ("waiting", _REQUEST.format("deadline_at = NULL"), "deadline_at is None"),
    ("escalated", _REQUEST.format("rules = '{{}}'"), "rules"),
    ("escalated", _REQUEST.format("escalated_at = NULL"), "is not escalated, and entry"),
    ("expired", _REQUEST.format("status = 'rejected'"), "status is 'rejected'"),
    ("voted once", _REQUEST.format("policy_name = ''"), "policy_name is ''"),
    ("waiting", _REQUEST.format("claimed_by_id = %(bo)s"), "claimed_by is 'bo'"),
    ("claimed", _REQUEST.format("claimed_by_id = NULL"), "claimed_by is 'nobody', and 'ana'"),
    ("handed", _REQUEST.format("handed_to_id = %(ana)s"), "handed_to is 'ana', and 'bo'"),
    ("voted once", _VOTE.format("user_name = 'bo'"), "a vote is 'bo via page'"),
    ("voted once", _VOTE.format("user_id = %(bo)s"), "the user of a vote is 'bo'"),
    ("voted once", _VOTE.format("reason = 'x'"), "reason of the vote of ana is 'x'"),
    ("voted once", _VOTE.format("fills = '[null]'"), "fills of the vote of ana"),
    ("voted once", _VOTE.format("for_run = NOT for_run"), "for_run of the vote of ana"),
    ("voted once", _VOTE.format("arguments_digest = %(other)s"), "arguments_digest of the vote"),
    ("vote void", _VOTE.format("voided_at = NULL"), "that the vote of ana is void is false"),
    ("voted", "DELETE FROM approvals_vote WHERE request_id = %(id)s", "a vote of ana is gone"),
    ("voted", "DELETE FROM approvals_grant WHERE request_id = %(id)s", "grant for the rest of the"),
    (
        "voted",
        "UPDATE approvals_grant SET tool = 'x' WHERE request_id = %(id)s",
        "tool of its grant",
    ),
    (
        "voted",
        "UPDATE approvals_grant SET rules_digest = %(other)s WHERE request_id = %(id)s",
        "rules_digest of its grant",
    ),
    ("waiting", "DELETE FROM approvals_asked", "whom it asks"),
]


@pytest.mark.parametrize(("name", "statement", "said"), _TAMPERED)
def test_what_is_done_to_a_request_behind_the_trail_is_named(
    name: str, statement: str, said: str
) -> None:
    made = Everything()
    if "approvals_asked" in statement:
        name = "voted once"
    values: dict[str, int | str] = {
        "id": made.ids[name],
        "ana": made.ana.pk,
        "bo": made.bo.pk,
        "other": OTHER,
    }
    used = {key: value for key, value in values.items() if f"%({key})s" in statement}
    _sql(statement.replace("{{", "{").replace("}}", "}"), **used)
    found = [line for line in _found() if line.startswith(f"request {made.ids[name]}:")]
    assert any(said in line for line in found), _found()
    with pytest.raises(CommandError, match="does not hold"):
        _verified()


def test_a_request_that_is_deleted_is_named() -> None:
    made = Everything()
    ApprovalRequest.objects.filter(pk=made.ids["approved"]).delete()
    assert [line for line in _found() if f"request {made.ids['approved']}: is gone" in line]


def test_what_is_added_behind_the_trail_is_named() -> None:
    made = Everything()
    waiting = ApprovalRequest.objects.get(pk=made.ids["waiting"])
    Decision.objects.create(request=waiting, outcome="approve", decided_by_name="bo", via="page")
    Vote.objects.create(request=waiting, user=made.bo, user_name="bo", via="page", fills=[None])
    Grant.objects.create(request=waiting, run_id=waiting.run_id, agent="a", tool="t")
    waiting.pk, waiting.call_id = "apr_forged", "forged"
    waiting.save(force_insert=True)
    found = "\n".join(_found())
    for what in ("its decision (approve by bo)", "a vote of bo", "its grant for the rest"):
        assert f"request {made.ids['waiting']}: {what}" in found
    assert "request apr_forged: has no entry that it was asked" in found


@pytest.mark.parametrize("key", ["approve", "arguments", "digest"])
def test_what_a_run_was_told_other_than_was_decided_is_named(key: str) -> None:
    made = Everything()
    name = "edited" if key == "arguments" else "approved"
    run_id = ApprovalRequest.objects.values_list("run_id", flat=True).get(pk=made.ids[name])
    segment = Segment.objects.get(run_id=run_id, n=1)
    segment.decisions[0][key] = {"approve": False, "arguments": "{}", "digest": OTHER}[key]
    segment.save()
    assert [line for line in _found() if "the run was told" in line]


@pytest.mark.parametrize("name", ["approved", "rejected", "expired", "by program"])
def test_a_decision_that_the_run_was_not_told_is_named(name: str) -> None:
    made = Everything()
    run_id = ApprovalRequest.objects.values_list("run_id", flat=True).get(pk=made.ids[name])
    assert Segment.objects.filter(run_id=run_id, n=1).update(decisions=[]) == 1
    [line] = _found()
    assert line.startswith(f"request {made.ids[name]}: its decision is not among those")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE approvals_policy SET active = NOT active WHERE id = %(policy)s", "active is"),
        ("UPDATE approvals_policy SET effect = 'allow' WHERE id = %(policy)s", "effect is 'allow'"),
        ("UPDATE approvals_policy SET four_eyes = NOT four_eyes WHERE id = %(policy)s", "rules is"),
        ("UPDATE approvals_policyneed SET count = 1 WHERE policy_id = %(policy)s", "rules is"),
        ("DELETE FROM approvals_policy WHERE id = %(deny)s", "is gone"),
        ("UPDATE approvals_agentaccess SET decides = NOT decides", "decides is"),
        ("UPDATE approvals_agentaccess SET agent = 'x'", "agent is 'x', and 'desk' was recorded"),
        ("UPDATE approvals_agentaccess SET user_id = %(bo)s", "user is 'bo', and 'ana'"),
        ("DELETE FROM approvals_agentaccess", "is gone, and no entry says that it was deleted"),
    ],
)
def test_a_policy_or_an_access_that_was_changed_behind_the_trail_is_named(
    statement: str, said: str
) -> None:
    made = Everything()
    values = {"policy": made.policy.pk, "deny": made.deny.pk, "bo": made.bo.pk}
    _sql(statement, **{key: value for key, value in values.items() if f"%({key})s" in statement})
    about = (f"policy {made.policy.pk}", f"policy {made.deny.pk}", f"access {made.access.pk}")
    [line] = _found()
    assert line.startswith(about)
    assert said in line


@pytest.mark.parametrize("name", ["approved", "expired", "voted", "edited"])
def test_a_payload_that_is_gone_without_an_erasure_is_named(name: str) -> None:
    made = Everything()
    entry = AuditEntry.objects.filter(subject=made.ids[name]).order_by("-number")[0]
    _sql("UPDATE approvals_auditentry SET payload = NULL WHERE number = %(n)s", n=entry.number)
    assert [problem.number for problem in audit.verify().problems] == [entry.number]
    with pytest.raises(CommandError, match="does not hold"):
        _verified()


@pytest.mark.parametrize("which", ["after the erasure", "of the erasure"])
def test_an_erasure_covers_only_what_was_written_before_it(which: str) -> None:
    made = Everything()
    erased = AuditEntry.objects.get(act=audit.ERASED)
    if which == "after the erasure":
        erased = audit.append("ana", "test", "test", made.ids["erased"], {"n": 1})
    AuditEntry.objects.filter(number=erased.number).update(payload=None)
    assert [problem.number for problem in audit.verify().problems] == [erased.number]


def test_entries_that_were_cut_off_are_missed_by_the_rows_that_they_were_about() -> None:
    made = Everything()
    last = AuditEntry.objects.filter(subject=made.ids["waiting"]).order_by("number")[0].number
    AuditEntry.objects.filter(number__gte=last).delete()
    assert audit.verify().ok
    assert f"request {made.ids['waiting']}: has no entry" in "\n".join(_found())


def test_people_who_are_renamed_or_deleted_are_no_false_alarm() -> None:
    made = Everything()
    User.objects.filter(pk=made.ana.pk).update(username="anastasia")
    assert _found() == []
    made.bo.delete()
    assert _found() == []


def test_what_releases_before_recorded_less_of_is_no_false_alarm() -> None:
    """They kept no bounds, no digest of what is shown, and an expiry as a rejection."""
    Everything()
    fresh = {"deadline_at", "kept_from", "shown_digest", "fills", "for_run", "decided_at"}
    for entry in AuditEntry.objects.exclude(payload=None):
        payload = {key: value for key, value in (entry.payload or {}).items() if key not in fresh}
        if entry.act == "approval.expired":
            entry.act, payload["outcome"] = "approval.decided", "reject"
        entry.payload = json.loads(json.dumps(payload))
        entry.save()
    assert _found() == []


def test_rows_are_read_in_pages_whatever_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("approvals.services.verifying.requests._AT_ONCE", 1)
    monkeypatch.setattr(audit, "_AT_ONCE", 1)
    made = Everything()
    assert (audit.verify().ok, _found()) == (True, [])
    ApprovalRequest.objects.filter(pk=made.ids["approved"]).update(tool="x")
    assert len(_found()) == 1
