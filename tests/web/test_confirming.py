"""Without JavaScript a second step confirms what cannot be undone: one press never acts."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client

from approvals.models import RequestStatus
from tests.approvals.rows import ask, ask_about_unknown, awaiting_run, refund_call
from tests.workflows.rows import agent, worker
from tests.workflows.rows import run as make_run
from timestep.models import Hold, ModelLimit, Queue, Run, Segment, Worker
from timestep.services.schedules import save_schedule

pytestmark = pytest.mark.django_db
_HIDDEN = re.compile(r'<input type="hidden" name="(\w[^"]*)" value="([^"]*)">')


def hidden(page: str) -> dict[str, str]:
    """What the page that asks sends again."""
    return {name: html.unescape(value) for name, value in _HIDDEN.findall(page)}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"decision": "approve"}, "Approve: Refund order: order_id 4711, amount 25.0"),
        ({"decision": "reject", "reason": "no\nway"}, "Reject: Refund order"),
    ],
)
def test_a_decision_is_sent_by_the_second_step(
    owner: Client, sent: dict[str, str], words: str
) -> None:
    (asked,) = ask(awaiting_run("r"), refund_call())
    path, sent = f"/approvals/{asked.pk}/decide/", {"shown": asked.arguments_digest, **sent}
    page = owner.post(path, sent).content.decode()
    assert words in page
    asked.refresh_from_db()
    assert asked.status == RequestStatus.PENDING
    owner.post(path, hidden(page) | {"confirmed": "1"})
    asked.refresh_from_db()
    assert asked.status == {"approve": "approved", "reject": "rejected"}[sent["decision"]]


def test_what_would_be_refused_is_refused_at_once(owner: Client, looker: Client) -> None:
    (asked,) = ask(awaiting_run("r"), refund_call())
    path = f"/approvals/{asked.pk}/decide/"
    assert looker.post(path, {"decision": "approve"}).status_code == 403
    assert owner.post(path, {"decision": "reject", "reason": " "}).status_code == 422
    changed = owner.post(path, {"decision": "approve", "shown": "0" * 64})
    assert changed.status_code == 409
    assert owner.get(path).status_code == 405


def test_several_are_named_before_they_are_decided(owner: Client) -> None:
    asked = ask(awaiting_run("r"), *(refund_call(f"c{number}") for number in range(2)))
    ids = [f"{one.pk}:{one.arguments_digest}" for one in asked]
    page = owner.post("/approvals/decide/", {"id": ids, "decision": "approve"}).content.decode()
    assert "Approve these 2 calls" in page
    assert page.count("Refund order: order_id 4711") == 2
    assert all(one in page for one in ids)
    asked[0].refresh_from_db()
    assert asked[0].is_pending


def test_what_became_of_a_call_is_confirmed(owner: Client) -> None:
    (asked,) = ask_about_unknown(awaiting_run("r"), "c1")
    sent = {"decision": "happened", "result": "refunded"}
    page = owner.post(f"/approvals/{asked.pk}/decide/", sent).content.decode()
    assert "It happened, and the agent is told what it returned" in page
    asked.refresh_from_db()
    assert asked.is_pending


ACTS = {
    "/runs/going/cancel/": {},
    "/runs/gone/retry/": {},
    "/queues/mail/delete/": {},
    "/schedules/nightly/delete/": {},
    "/schedules/nightly/backfill/": {"start": "2026-01-01T00:00", "end": "2026-01-03T00:00"},
    "/workers/w-1/drain/": {},
    "/stop/place/": {"kind": "everything", "why": "test"},
    "/stop/1/release/": {"why": "mended"},
    "/limits/delete/": {"pattern": "*"},
}


@pytest.mark.parametrize("path", ACTS)
def test_every_act_that_the_script_arms_asks_first(owner: Client, path: str) -> None:
    agent("desk")
    make_run("going", status="running")
    gone = make_run("gone", status="failed", error={"what": "x", "message": "y"})
    Segment.objects.create(segment_id="gone:0", run=gone, n=0, state="parked")
    save_schedule({"name": "nightly", "agent": "desk", "input": "x", "cron": "0 8 * * *"})
    rows = [Queue(name="mail"), ModelLimit(pattern="*", requests_per_minute=9)]
    for row in [*rows, Hold(pk=1, kind="tool", name="x", placed_why="y", placed_by="z")]:
        row.save(force_insert=True)
    worker("w-1")
    before = state()
    page = owner.post(path, ACTS[path])
    assert page.status_code == 200
    assert "Nothing was done yet" in page.content.decode()
    assert hidden(page.content.decode()) | ACTS[path] == hidden(page.content.decode())
    assert state() == before
    assert owner.post(path, ACTS[path] | {"confirmed": "1"}).status_code == 302


def state() -> list[object]:
    """What the acts change."""
    models = (Run, Queue, ModelLimit, Hold, Worker)
    return [list(model.objects.order_by("pk").values()) for model in models]
