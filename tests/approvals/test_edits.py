"""Approving with other arguments than the model proposed."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from approvals.errors import ArgumentsChanged
from approvals.models import ApprovalRequest, AuditEntry, Decision
from approvals.services.decisions import decide
from tests.approvals.rows import REFUND, approver, ask, awaiting_run, refund_call
from timestep.arguments import arguments_digest
from timestep.errors import InvalidInput
from timestep.masking import MASK
from timestep.models import RunEvent, Segment

pytestmark = pytest.mark.django_db

SCHEMA = {
    "type": "object",
    "properties": {"order_id": {"type": "integer"}, "amount": {"type": "number", "maximum": 500}},
    "required": ["order_id", "amount"],
    "additionalProperties": False,
}
EDITED = {"order_id": 4711, "amount": 10.0}


def _asked(schema: Any = SCHEMA) -> ApprovalRequest:
    [request] = ask(awaiting_run(), replace(refund_call(), schema=schema))
    return request


def test_the_segment_gets_what_the_approver_made_of_it() -> None:
    request = _asked()
    decide(request.pk, approve=True, by=approver(), arguments=EDITED, reason="ten is enough")
    [answer] = Segment.objects.get(run=request.run_id, n=1).decisions
    assert answer == {
        "call_id": "call_1",
        "approve": True,
        "reason": "ten is enough",
        "arguments": '{"order_id": 4711, "amount": 10.0}',
        "proposed": arguments_digest(REFUND),
        "digest": arguments_digest(json.dumps(EDITED)),
    }


def test_proposed_and_executed_are_kept() -> None:
    request = _asked()
    decide(request.pk, approve=True, by=approver(), arguments=EDITED)
    request.refresh_from_db()
    assert request.arguments == json.loads(REFUND)
    assert request.edited_arguments == EDITED
    entry = AuditEntry.objects.get(act="approval.edited")
    assert entry.payload is not None
    assert json.loads(entry.payload["proposed"]) == json.loads(REFUND)
    assert json.loads(entry.payload["arguments"]) == EDITED
    assert RunEvent.objects.filter(run=request.run_id, kind="approval.edited").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"order_id": "4711", "amount": 10.0}, "at order_id: '4711' is not of type 'integer'"),
        ({"order_id": 4711}, "'amount' is a required property"),
        ({**EDITED, "to": "me"}, "Additional properties are not allowed"),
        ({**EDITED, "amount": 501}, "at amount: 501 is greater than the maximum"),
        ({**EDITED, "amount": float("nan")}, "must be one JSON object"),
        ({**EDITED, "amount": {5}}, "is no JSON"),
        ({**EDITED, "x": "y" * 300_000}, "is longer than 200,000 characters"),
        ("no object", "must be one JSON object"),
        ([EDITED], "must be one JSON object"),
    ],
    ids=str,
)
def test_what_the_tool_does_not_take_changes_nothing(arguments: Any, message: str) -> None:
    request = _asked()
    with pytest.raises(InvalidInput, match=message) as caught:
        decide(request.pk, approve=True, by=approver(), arguments=arguments)
    assert caught.value.field == "arguments"
    request.refresh_from_db()
    assert (request.is_pending, request.edited_arguments) == (True, None)
    assert not Decision.objects.exists()


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (None, "schema of this tool is not known"),
        ({"type": "nonsense"}, "cannot be checked"),
        ({"$ref": "https://example.com/schema.json"}, "cannot be checked"),
        ({"$ref": "#/nowhere"}, "cannot be checked"),
        ({"$ref": "#"}, "cannot be checked"),
    ],
    ids=repr,
)
def test_where_nothing_can_be_checked_nothing_is_edited(schema: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        decide(_asked(schema).pk, approve=True, by=approver(), arguments=EDITED)


def test_the_proposed_arguments_are_no_edit() -> None:
    request = _asked()
    decide(request.pk, approve=True, by=approver(), arguments=json.loads(REFUND))
    [answer] = Segment.objects.get(run=request.run_id, n=1).decisions
    assert "arguments" not in answer
    assert not AuditEntry.objects.filter(act="approval.edited").exists()


def test_a_rejection_edits_nothing() -> None:
    with pytest.raises(InvalidInput, match="only go with an approval"):
        decide(_asked().pk, approve=False, by=approver(), arguments=EDITED)


def test_what_was_edited_since_is_looked_at_again() -> None:
    request, ana = _asked(), approver()
    with pytest.raises(ArgumentsChanged, match="look at them again"):
        decide(request.pk, approve=True, by=ana, shown="0" * 64)
    decide(request.pk, approve=True, by=ana, shown=request.arguments_digest)


@pytest.mark.parametrize("given", ["file", "literal"])
def test_the_command_line_takes_arguments(tmp_path: Path, given: str) -> None:
    approver()
    request, file = _asked(), tmp_path / "arguments.json"
    file.write_text(json.dumps(EDITED), encoding="utf-8")
    text = f"@{file}" if given == "file" else json.dumps(EDITED)
    out = io.StringIO()
    command = ["decide", request.pk, "--approve", "--arguments", text, "--as", "ana", "--json"]
    call_command(*command, stdout=out)
    assert json.loads(out.getvalue())["edited_arguments"] == EDITED


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--approve", "--arguments", "@/nowhere"], "/nowhere cannot be read"),
        (["--approve", "--arguments", "{"], "must be one JSON object"),
        (["--approve", "--arguments", '{"order_id": "x", "amount": 1}'], "at order_id"),
        (["--reject", "--arguments", "{}"], "only go with an approval"),
        (["--approve", "--for-run"], "no policy does allow it"),
        (["--fail", "--for-run"], "go with --approve"),
    ],
)
def test_what_the_command_line_cannot_send(options: list[str], message: str) -> None:
    approver()
    request = _asked()
    with pytest.raises(CommandError, match=message):
        call_command("decide", request.pk, *options, "--as", "ana", stdout=io.StringIO())
    assert not Decision.objects.exists()


def test_a_mask_is_not_executed() -> None:
    asked = _asked({"type": "object"})
    with pytest.raises(InvalidInput, match="type it anew"):
        decide(asked.pk, approve=True, by=approver(), arguments={"order_id": MASK})
