"""What looks like a secret is on no page, in no message, and in no line of a command."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from tests.approvals.rows import ask, refund_call
from tests.workflows.rows import agent
from tests.workflows.rows import run as make_run
from timestep.events.feed import EventRow, as_message
from timestep.masking import MASK
from timestep.models import RunEvent, RunStatus

pytestmark = pytest.mark.django_db
SECRET = "hunter22"
ARGUMENTS = json.dumps({"order_id": 1, "password": SECRET})


def _run() -> str:
    """A run that has the secret wherever it can have one."""
    agent("desk")
    made = make_run(
        "r", input=f"password={SECRET}", final_output={"secret": SECRET}, error={"message": ""}
    )
    payload = {"tool": "t", "call_id": "c", "arguments": ARGUMENTS, "output": f"secret: {SECRET}"}
    RunEvent.objects.create(
        run=made, seq=1, kind="tool.finished", step="1", payload=payload, at=timezone.now()
    )
    made.status, made.last_seq = RunStatus.SUCCEEDED, 1
    made.error = {"message": f"api_key={SECRET}", "traceback": f"password='{SECRET}'"}
    made.save()
    return made.pk


@pytest.mark.parametrize("path", ["/runs/r/", "/runs/r/traceback/", "/agents/desk/?like=r"])
def test_pages_of_a_run_mask(owner: Client, path: str) -> None:
    _run()
    shown = owner.get(path).content.decode()
    assert SECRET not in shown
    assert MASK in shown


def test_pages_of_a_request_mask(owner: Client) -> None:
    made = make_run("r", status=RunStatus.AWAITING_APPROVAL)
    (asked,) = ask(made, refund_call(arguments=ARGUMENTS, said_before=f"password={SECRET}"))
    for path in ("/", "/approvals/?show=all", f"/approvals/{asked.pk}/", "/runs/r/", "/audit/"):
        assert SECRET not in owner.get(path).content.decode()
    for model, key in (("approvalrequest", asked.pk), ("auditentry", 1)):
        shown = owner.get(f"/admin/approvals/{model}/{key}/change/").content.decode()
        assert SECRET not in shown
        assert MASK in shown


def test_the_admin_masks_runs(owner: Client) -> None:
    _run()
    assert SECRET not in owner.get("/admin/timestep/run/r/change/").content.decode()


def test_commands_mask() -> None:
    ask(make_run("r", status=RunStatus.AWAITING_APPROVAL), refund_call(arguments=ARGUMENTS))
    for arguments in (["approvals"], ["approvals", "--json"], ["runs", "r", "--events", "--json"]):
        out = io.StringIO()
        call_command(*arguments, stdout=out)
        assert SECRET not in out.getvalue()


def test_messages_to_programs_mask() -> None:
    _run()
    event = RunEvent.objects.get()
    row = EventRow("r", 1, event.step, 0, event.kind, event.payload, event.at)
    assert SECRET not in json.dumps(as_message(row))


def test_a_mask_is_not_launched(owner: Client) -> None:
    agent("desk")
    answer = owner.post("/agents/desk/launch/", {"input": f"password={MASK}"})
    assert answer.status_code == 422
    assert "type it anew" in answer.content.decode()
