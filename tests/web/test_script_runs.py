"""Runs that a script launched: no agent definition stands behind them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.approvals.rows import ask, refund_call
from tests.web.events import event, model_finished, model_started
from tests.workflows.rows import agent, worker
from tests.workflows.rows import run as make_run
from timestep.models import Run
from timestep.services.specs import store_spec
from workflows.selectors.live import live_context
from workflows.selectors.why.programs import script_of

pytestmark = pytest.mark.django_db

SCRIPT = "/srv/jobs/refunds.py"
NAME = "Refund <Desk>"


def spec_body(script: str | None = SCRIPT) -> dict[str, Any]:
    needs: dict[str, Any] = {"modules": [], "registered": [], "script": script}
    return {"spec_version": 2, "start": "a", "needs": needs, "agents": {}, "run_config": None}


def script_run(run_id: str = "r", **fields: Any) -> Run:
    body = spec_body(fields.pop("script", SCRIPT))
    return make_run(
        run_id, **({"agent": NAME, "spec": store_spec(body), "queue": "direct"} | fields)
    )


@pytest.fixture
def run(db: None) -> Run:
    run = script_run(status="awaiting_approval", launched_from="script", revision=1)
    model_finished(run, "0.1", "I refund it")
    event(run, "handoff", **{"from": NAME, "to": "math_tutor"})
    ask(run, refund_call())
    return run


@pytest.mark.parametrize(
    "path",
    ["/", "/runs/", "/runs/r/", "/approvals/", "/search/?q=r", "/admin/timestep/run/r/change/"],
)
@pytest.mark.usefixtures("run")
def test_every_page_shows_it_and_leads_nowhere_wrong(owner: Client, path: str) -> None:
    answer = owner.get(path, follow=True)
    assert answer.status_code == 200
    html = answer.content.decode()
    assert "refunds" in html if path == "/approvals/" else "Refund &lt;Desk&gt;" in html
    assert 'href="/agents/Refund' not in html
    assert 'href="/agents/math_tutor' not in html


@pytest.mark.usefixtures("run")
def test_its_agent_leads_to_its_runs(owner: Client) -> None:
    html = owner.get("/runs/r/").content.decode()
    link = "/runs/?agent=Refund+%3CDesk%3E"
    assert f'href="{link}"' in html
    assert "run-row-r" in owner.get(link).content.decode()


def test_its_agent_is_found(owner: Client) -> None:
    script_run(agent="Refund Desk")
    assert owner.get("/search/", {"q": "Refund Desk"})["Location"] == "/runs/?agent=Refund+Desk"
    agent("desk")
    script_run("other", agent="desk")
    assert owner.get("/search/", {"q": "desk"})["Location"] == "/agents/desk/"


def test_an_approval_leads_to_its_run(owner: Client, run: Run) -> None:
    asked = run.approvals.get()
    assert "Refund &lt;Desk&gt;" in owner.get(f"/approvals/{asked.pk}/").content.decode()


def test_a_failure_is_on_the_home_page(owner: Client) -> None:
    script_run(status="failed", error={"message": "no money"}, finished_at=timezone.now())
    html = owner.get("/").content.decode()
    assert "no money" in html
    assert 'href="/runs/?agent=Refund+%3CDesk%3E"' in html


def test_the_name_of_a_definition_makes_it_none(owner: Client) -> None:
    agent("desk")
    script_run(agent="desk", status="succeeded")
    html = owner.get("/runs/r/").content.decode()
    assert "of a script" in html
    assert "Latest version" not in html
    assert 'href="/agents/desk/"' not in html


def test_it_is_launched_again_as_it_was_and_has_no_latest_version(owner: Client) -> None:
    agent("desk")
    first = script_run(agent="desk", status="succeeded")
    latest = owner.post("/runs/r/again/", {"version": "latest"})
    assert latest.status_code == 409
    assert b"lives in a script" in latest.content
    assert owner.post("/runs/r/again/", {"version": "same"}).status_code == 302
    assert Run.objects.get(again_of="r").spec_id == first.spec_id


WAITS = f"Waits for {SCRIPT} to run again: its agent lives in that file."


@pytest.mark.parametrize(
    "alive",
    [
        {},
        {"kind": "worker"},
        {"kind": "script", "script": "/srv/jobs/other.py"},
        {"kind": "script", "script": SCRIPT, "silent": 30},
    ],
)
def test_a_queued_run_says_which_script_it_waits_for(owner: Client, alive: dict[str, Any]) -> None:
    worker(**alive) if alive else None
    script_run()
    html = owner.get("/runs/r/").content.decode()
    assert WAITS in html
    assert "No worker is alive" not in html


@pytest.mark.parametrize(
    ("fields", "alive"),
    [
        ({"status": "queued"}, {"kind": "script", "script": SCRIPT}),
        ({"status": "queued", "script": None}, {}),
        ({"status": "running"}, {}),
        ({"status": "awaiting_approval"}, {}),
        ({"status": "cancelled"}, {}),
    ],
)
def test_other_runs_say_nothing_of_it(
    owner: Client, fields: dict[str, Any], alive: dict[str, Any]
) -> None:
    worker(**alive)
    script_run(**fields)
    assert b"Waits for" not in owner.get("/runs/r/").content


def test_a_run_says_which_engine_version_it_waits_for(owner: Client) -> None:
    worker("w-1", engine_version=2)
    worker("w-2", engine_version=3)
    worker("w-3", engine_version=1, silent=60)
    make_run("r", engine_version=1, started_at=timezone.now())
    html = owner.get("/runs/r/").content.decode()
    assert "Waits for a worker of engine version 1" in html
    assert "those alive have 2, 3" in html
    worker("w-4", engine_version=1)
    assert b"Waits for" not in owner.get("/runs/r/").content


def test_pages_ask_again_why_it_does_not_move_when_its_status_changes(owner: Client) -> None:
    run = script_run()
    assert live_context("r", [event(run, "status", status="queued")])["ask_why"]
    assert not live_context("r", [model_started(run, "0.1")])["ask_why"]
    assert WAITS in owner.get("/runs/r/why/").content.decode()
    Run.objects.filter(pk="r").update(status="running")
    assert b"Waits for" not in owner.get("/runs/r/why/").content


@pytest.mark.parametrize("body", [{}, {"spec_version": 2}, {"spec_version": 2, "needs": []}])
def test_a_spec_that_says_nothing_waits_for_nothing(body: dict[str, Any]) -> None:
    assert script_of(body) == ""
