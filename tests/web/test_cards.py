"""What a card says, so that somebody who has never seen an agent can decide on it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from approvals.models import ApprovalRequest
from approvals.services.decisions import decide
from tests.approvals.rows import approver, ask, awaiting_run
from tests.web.sure import SURE
from timestep.digests import digest
from timestep.gate import Interruption
from timestep.models import Run

pytestmark = pytest.mark.django_db

SCHEMA = {
    "type": "object",
    "properties": {
        "to": {"type": "string"},
        "cents": {"type": "integer", "description": "Amount in cents."},
        "express": {"type": "boolean"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "currency": {"enum": ["EUR", "USD"]},
        "lines": {"type": "array"},
    },
    "required": ["to", "cents"],
}
GIVEN = {"to": "Ana K.", "cents": 2500, "express": True, "note": None, "currency": "EUR"}


def asked(given: Any = None, schema: Any = SCHEMA, **fields: Any) -> ApprovalRequest:
    text = json.dumps(GIVEN if given is None else given)
    call = Interruption("call_1", "refunds", "pay", text, schema=schema, **fields)
    return ask(awaiting_run(), call)[0]


def page(client: Client, one: ApprovalRequest, query: str = "") -> str:
    return client.get(f"/approvals/{one.pk}/{query}").content.decode()


def post(client: Client, one: ApprovalRequest, **sent: str) -> Any:
    return client.post(f"/approvals/{one.pk}/decide/", SURE | sent)


def edited(one: ApprovalRequest) -> dict[str, str]:
    """The form as the browser sends it where nothing is touched."""
    typed = {"to": "Ana K.", "cents": "2500", "express": "true", "note": "", "currency": '"EUR"'}
    return {f"argument.{name}": text for name, text in typed.items()} | {"decision": "edit"}


def test_the_tools_own_words_are_the_act(owner: Client) -> None:
    one = asked(title="Pay a customer", preview="Pay 25.00 EUR to Ana K.")
    html = page(owner, one)
    assert '<p class="preview" dir="auto">Pay 25.00 EUR to Ana K.</p>' in html
    assert 'data-arm="Pay 25.00 EUR to Ana K. — press again"' in html


def test_without_them_the_schema_says_what_the_values_are(owner: Client) -> None:
    html = page(owner, asked())
    assert "Amount in cents." in html
    assert 'data-arm="Pay: to Ana K., cents 2500' in html


def test_a_preview_says_nothing_of_edited_arguments(owner: Client) -> None:
    one = asked(preview="Pay 25.00 EUR to Ana K.")
    values = GIVEN | {"cents": 100}
    one.edited_arguments, one.arguments_digest = values, digest(values)
    one.save()
    html = page(owner, one)
    assert "Pay 25.00 EUR" not in html
    assert "2500" in html.partition("<del>")[2].partition("</del>")[0]
    assert "100" in html.partition("<ins>")[2].partition("</ins>")[0]


def test_the_agents_words_are_fenced_and_marked(owner: Client) -> None:
    html = page(owner, asked(said_before="See ![x](http://e.example/x.png) p\u0430y\u202e <b>"))
    said = html.partition('class="agent-says"')[2].partition("</figure>")[0]
    assert "The agent wrote" in said
    assert "mixed-script" in said
    assert "U+202E" in said
    assert "&lt;b&gt;" in said
    assert "<img" not in said
    assert "<a " not in said


def test_what_was_decided_before_is_counted(owner: Client) -> None:
    for approve in (True, True, True, False):
        decide(asked().pk, approve=approve, by=approver(f"a{ApprovalRequest.objects.count()}"))
    html = page(owner, asked())
    assert "3 approved, 1 rejected" in html
    assert "usual cents 2,500" in html


def test_cut_arguments_are_opened_before_they_are_approved(owner: Client) -> None:
    one = asked({"to": "Ana K.", "body": "x" * 3000}, schema=None)
    html = owner.get("/approvals/").content.decode()
    assert "Show all arguments to approve" in html
    assert 'value="approve"' not in html.partition("<article")[2].partition("</article>")[0]
    refused = post(owner, one, decision="approve")
    assert refused.status_code == 422
    assert "show all of them" in refused.content.decode()
    whole = page(owner, one)
    assert "x" * 3000 in whole
    assert post(owner, one, decision="approve", whole="1").status_code == 302


def test_a_decision_on_other_arguments_than_shown_is_refused(owner: Client) -> None:
    one = asked()
    answer = post(owner, one, decision="approve", shown="0" * 64)
    assert answer.status_code == 409
    assert "edited since they were shown" in answer.content.decode()


def test_an_untouched_form_changes_nothing(owner: Client) -> None:
    one = asked()
    assert post(owner, one, **edited(one)).status_code == 302
    one.refresh_from_db()
    assert one.edited_arguments is None
    assert one.status == "approved"


def test_edited_values_keep_their_types(owner: Client) -> None:
    one = asked()
    changes = {"cents": "1250", "express": "false", "note": "half", "lines": '[1, "a"]'}
    sent = edited(one) | {f"argument.{name}": text for name, text in changes.items()}
    assert post(owner, one, **sent).status_code == 302
    one.refresh_from_db()
    wanted = {"cents": 1250, "express": False, "note": "half", "lines": [1, "a"]}
    assert one.edited_arguments == GIVEN | wanted
    assert "as edited" in page(owner, one)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("cents", "12.5", "cents: must be a whole number"),
        ("cents", "", "cents: is needed"),
        ("express", "maybe", "express: must be yes or no"),
        ("currency", '"GBP"', "currency: must be one of the choices"),
        ("lines", "[1,", "lines: must be JSON"),
        ("lines", "{}", "at lines:"),
    ],
)
def test_what_does_not_fit_is_said_and_changes_nothing(
    owner: Client, name: str, text: str, said: str
) -> None:
    one = asked()
    answer = post(owner, one, **(edited(one) | {f"argument.{name}": text}))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    one.refresh_from_db()
    assert (one.status, one.edited_arguments) == ("pending", None)


def test_secrets_are_masked_and_kept_when_edited(owner: Client) -> None:
    one = asked(GIVEN | {"password": "correct-horse-9"}, schema=SCHEMA)
    html = page(owner, one)
    assert "correct-horse-9" not in html
    assert post(owner, one, **(edited(one) | {"argument.cents": "1"})).status_code == 302
    one.refresh_from_db()
    assert one.edited_arguments["password"] == "correct-horse-9"


def test_what_is_in_the_way_of_a_decision_is_said_before(owner: Client) -> None:
    """The rows of these tests have no saved state to go on from."""
    assert "The saved state of the run is gone: it cannot go on." in page(owner, asked())


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain words", "plain words"),
        ([{"role": "user", "content": "refund me"}], "refund me"),
        (
            [
                {"role": "user", "content": "hello"},
                {"role": "assistant", "content": "hi"},
                {"role": "user", "content": [{"type": "input_text", "text": "refund 4711"}]},
            ],
            "3 items; the last from the user: refund 4711",
        ),
        ([{"role": "user", "content": [{"type": "input_image"}]}], "[input_image]"),
        ([{"type": "item_reference", "id": "msg_1"}], "item_reference"),
    ],
    ids=["text", "one", "several", "image", "reference"],
)
def test_it_says_what_the_run_was_launched_with(owner: Client, given: Any, shown: str) -> None:
    one = asked()
    Run.objects.update(input=given)
    assert shown in page(owner, one).split("launched-with")[1].split("</figure>")[0]


def test_the_edit_form_says_that_a_preview_does_not_follow(owner: Client) -> None:
    said = "cannot be made anew while you type"
    assert said in page(owner, asked(preview="Pays 25.00 EUR to Ana K."))
    assert said not in page(owner, asked())
