"""`manage.py approvals` and `manage.py decide`."""

from __future__ import annotations

import io
import json
import os
import pwd
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from approvals.models import AuditEntry, Decision
from approvals.services.decisions import decide
from tests.approvals.rows import approver, ask, ask_about_unknown, awaiting_run, refund_call

pytestmark = pytest.mark.django_db


def _out(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def _json(*arguments: str) -> Any:
    return json.loads(_out(*arguments, "--json"))


def test_pending_requests_as_json() -> None:
    run = awaiting_run()
    [request] = ask(run)
    [shown] = _json("approvals")
    expected = {
        "approval_id": request.pk,
        "run_id": run.pk,
        "agent": "refunds",
        "tool": "refund_order",
        "arguments": {"order_id": 4711, "amount": 25.0},
        "status": "pending",
        "decided_by": None,
        "decided_at": None,
    }
    assert expected.items() <= shown.items()


def test_decided_ones_are_listed_with_all() -> None:
    [request] = ask(awaiting_run())
    decide(request.pk, approve=True, by=approver())
    assert _json("approvals") == []
    [shown] = _json("approvals", "--all")
    assert (shown["status"], shown["decided_by"]) == ("approved", "ana")
    assert shown["decided_at"].endswith("Z")


def test_a_list_for_people_cannot_drive_their_terminal() -> None:
    ask(awaiting_run(), refund_call(arguments='{"to": "\\u001b[2J\\u009b"}'))
    shown = _out("approvals")
    assert "\\u001b[2J\\u009b" in shown
    assert "\x1b" not in shown
    assert "\x9b" not in shown


def test_an_empty_list_says_so() -> None:
    assert _out("approvals") == "Nothing waits for approval.\n"


def test_a_cut_list_says_so() -> None:
    ask(awaiting_run(), refund_call("call_1"), refund_call("call_2"))
    err = io.StringIO()
    call_command("approvals", "--limit", "1", stdout=io.StringIO(), stderr=err)
    assert "only the first 1" in err.getvalue()


def test_deciding_prints_the_decided_request() -> None:
    approver()
    [request] = ask(awaiting_run())
    shown = _json("decide", request.pk, "--reject", "--reason", "no", "--as", "ana")
    assert (shown["approval_id"], shown["status"]) == (request.pk, "rejected")
    assert (shown["decided_by"], shown["reason"]) == ("ana", "no")


def test_the_shell_user_is_audited() -> None:
    approver()
    [request] = ask(awaiting_run())
    _out("decide", request.pk, "--approve", "--as", "ana")
    via = f"cli:{pwd.getpwuid(os.getuid()).pw_name} as ana"
    assert AuditEntry.objects.get(act="approval.decided").via == via


def test_a_decided_one_exits_with_4_and_the_earlier_decision() -> None:
    [request] = ask(awaiting_run())
    decide(request.pk, approve=True, by=approver("bo"))
    approver("ana")
    out = io.StringIO()
    with pytest.raises(CommandError, match="already approved by bo") as caught:
        call_command("decide", request.pk, "--reject", "--as", "ana", "--json", stdout=out)
    assert caught.value.returncode == 4
    shown = json.loads(out.getvalue())
    assert (shown["status"], shown["decided_by"]) == ("approved", "bo")


@pytest.mark.parametrize(
    ("username", "approval_id", "message"),
    [
        ("nobody", "apr_1", "no user is named 'nobody'"),
        ("ana", "apr_1", "no approval request has the id 'apr_1'"),
        ("mallory", "apr_2", "'mallory' may not decide"),
    ],
)
def test_what_cannot_be_is_one_line(username: str, approval_id: str, message: str) -> None:
    approver()
    User.objects.create_user("mallory")
    [request] = ask(awaiting_run())
    approval_id = approval_id.replace("apr_2", request.pk)
    with pytest.raises(CommandError, match=message) as caught:
        _out("decide", approval_id, "--approve", "--as", username)
    assert caught.value.returncode == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "outcome", "result"),
    [
        (["--happened", "refunded"], "happened", "refunded"),
        (["--run-again"], "run_again", ""),
        (["--fail"], "fail", ""),
    ],
)
def test_unknown_outcomes_are_answered(answer: list[str], outcome: str, result: str) -> None:
    approver()
    [request] = ask_about_unknown(awaiting_run(), "call_1")
    _out("decide", request.pk, *answer, "--as", "ana")
    decision = Decision.objects.get()
    assert (decision.outcome, decision.result) == (outcome, result)


def test_exactly_one_answer_is_taken() -> None:
    for answer in ([], ["--approve", "--reject"]):
        with pytest.raises(CommandError):
            _out("decide", "apr_1", "--as", "ana", *answer)
