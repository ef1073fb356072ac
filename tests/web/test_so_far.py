"""What a card shows of the run before it asked."""

from __future__ import annotations

import html

import pytest
from django.contrib.auth.models import User
from django.test import Client

from approvals.models import ApprovalRequest
from approvals.selectors.so_far import STEPS_SHOWN, so_far
from tests.access.people import keep
from tests.approvals.rows import ask, awaiting_run
from tests.web.events import event, model_finished, tool_call

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def _asked(calls: int = 1) -> ApprovalRequest:
    run = awaiting_run()
    for number in range(calls):
        tool_call(run, f"0.{number}")
    (asked,) = ask(run)
    return asked


def _part(client: Client, asked: ApprovalRequest) -> str:
    answer = client.get(f"/approvals/{asked.pk}/so-far/", headers=HTMX)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def test_finished_steps_are_listed_in_their_order(owner: Client) -> None:
    run = awaiting_run()
    model_finished(run, "0.1", "I look it up.", tool_calls=[{"name": "lookup"}])
    tool_call(run, "0.2", output={"total": 25})
    tool_call(run, "0.3", ok=False, error="no such order")
    event(run, "handoff", "0.4", **{"from": "desk", "to": "refunds"})
    (asked,) = ask(run)
    assert [(step.name, step.words, step.failed) for step in so_far(asked).steps] == [
        ("desk", "I look it up.; calls lookup", False),
        ("lookup", '{"id": 7} → {"total": 25}', False),
        ("lookup", '{"id": 7} → no such order', True),
        ("desk", "hands over to refunds", False),
    ]
    assert "no such order" in _part(owner, asked)


def test_the_latest_steps_are_shown_and_no_more(owner: Client) -> None:
    few, many = _asked(STEPS_SHOWN), _asked(STEPS_SHOWN + 1)
    assert not so_far(few).more
    assert (len(so_far(many).steps), so_far(many).more) == (STEPS_SHOWN, True)
    assert "earlier steps are on the page of the run" in _part(owner, many)


def test_what_came_after_it_asked_is_no_part_of_it() -> None:
    asked = _asked()
    ApprovalRequest.objects.update(created_at="2026-01-01T00:00:00Z")
    asked.refresh_from_db()
    assert so_far(asked).steps == ()


def test_long_hostile_and_secret_words_are_short_marked_and_masked(owner: Client) -> None:
    run = awaiting_run()
    tool_call(run, "0.1", output="password=hunter22 \u202e<b>" + "x" * 5000)
    (asked,) = ask(run)
    shown = owner.get(f"/approvals/{asked.pk}/so-far/", headers=HTMX).content.decode()
    assert "hunter22" not in shown
    assert "U+202E" in shown
    assert "<b>" not in shown
    assert len(shown) < 3000


def test_the_page_of_a_request_has_the_steps_and_the_inbox_fetches_them(owner: Client) -> None:
    asked = _asked()
    assert "→ found" in owner.get(f"/approvals/{asked.pk}/").content.decode()
    inbox = owner.get("/approvals/").content.decode()
    assert f'hx-get="/approvals/{asked.pk}/so-far/"' in inbox
    assert "→ found" not in inbox
    plain = owner.get(f"/approvals/{asked.pk}/so-far/")
    assert (plain.status_code, plain["Location"]) == (302, f"/approvals/{asked.pk}/")


def test_who_sees_the_request_only_sees_no_steps(client: Client) -> None:
    asked, ana = _asked(), User.objects.create_user("ana")
    keep("refunds", ana, decides=True)
    client.force_login(ana)
    page = client.get(f"/approvals/{asked.pk}/")
    assert page.status_code == 200
    assert "so-far" not in page.content.decode()
    assert client.get(f"/approvals/{asked.pk}/so-far/", headers=HTMX).status_code == 404
