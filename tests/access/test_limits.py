"""What an agent that is for other people leaves no trace on: pages, search, feeds, the admin."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from approvals.access import Sight
from tests.access.people import anew, keep, person
from tests.approvals.rows import ask, refund_call
from tests.workflows.rows import agent
from tests.workflows.rows import run as make_run
from timestep.events.feed import EventRow
from timestep.models import RunStatus
from workflows.live.approvals import ApprovalsBatch
from workflows.live.lists import ListBatch

pytestmark = pytest.mark.django_db
KEPT = Sight(of_all=True, agents=frozenset({"desk"}), user_id=1)


def _kept_run() -> str:
    """A run of an agent that is for somebody else, and the request that it waits for."""
    agent("desk")
    keep("desk", User.objects.create_user("other"))
    made = make_run("kept-run", status=RunStatus.AWAITING_APPROVAL, session_id="kept-session")
    return ask(made, refund_call())[0].pk


def _client(*permissions: str, staff: bool = False) -> Client:
    client = Client()
    client.force_login(anew(person("ana", *permissions, staff=staff)))
    return client


@pytest.mark.parametrize("path", ["/", "/runs/", "/agents/", "/approvals/?show=all"])
def test_lists_leave_it_out(path: str) -> None:
    approval_id = _kept_run()
    shown = _client("timestep.launch_run").get(path).content.decode()
    assert "kept-run" not in shown
    assert approval_id not in shown
    assert "/agents/desk/" not in shown


def test_search_finds_nothing_of_it() -> None:
    wanted = ["kept-run", "kept", "kept-session", "desk", _kept_run()]
    client = _client("timestep.view_run")
    for query in wanted:
        answer = client.get("/search/", {"q": query})
        assert answer.status_code == 200
        assert answer.context["found"] == []


def test_the_admin_has_none_of_it() -> None:
    approval_id = _kept_run()
    views = ("timestep.view_run", "approvals.view_approvalrequest")
    client = _client(*views, "workflows.view_agentdefinition", staff=True)
    for model in ("timestep/run", "approvals/approvalrequest", "workflows/agentdefinition"):
        assert client.get(f"/admin/{model}/").context["cl"].result_count == 0
    answer = client.get(f"/admin/approvals/approvalrequest/{approval_id}/change/")
    assert answer.status_code == 302


def test_feeds_leave_it_out_and_are_shared_by_those_who_see_the_same() -> None:
    _kept_run()
    make_run("open-run", agent="another")
    rows = [
        EventRow(run_id, 1, "", 0, "status", {"status": "running"}, timezone.now())
        for run_id in ("kept-run", "open-run")
    ]
    batch = ListBatch(0, 1, rows)
    part = batch.seen_by(KEPT)
    assert batch.seen_by(Sight(of_all=True)) is batch
    assert batch.seen_by(KEPT) is part
    assert [json.loads(frame)["run_id"] for frame in part.frames("json")] == ["open-run"]
    assert "kept-run" not in "".join(part.frames("html"))
    assert "kept-run" in "".join(batch.frames("html"))


def test_the_feed_of_approvals_leaves_it_out() -> None:
    approval_id = _kept_run()
    batch = ApprovalsBatch(0, 1, [approval_id])
    assert approval_id in "".join(batch.frames("json"))
    assert batch.seen_by(KEPT).frames("json") == []
