"""Every page: who sees it, and what it answers to nonsense."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from tests.approvals.rows import ask, awaiting_run
from tests.web.events import event, model_finished, tool_call
from tests.workflows.rows import agent, tool, worker
from tests.workflows.rows import run as make_run

PAGES = ("/", "/agents/", "/agents/desk/", "/runs/", "/runs/r/", "/approvals/", "/search/?q=r")
HOSTILE = "<script>alert(1)</script></textarea>"


@pytest.fixture
def rows(db: None) -> None:
    tool("lookup", needs_approval=True, description=HOSTILE)
    agent("desk", tools=["lookup"], instructions=HOSTILE)
    run = make_run("r", input=HOSTILE, status="succeeded", final_output=HOSTILE)
    hosted = {"type": "x", "name": HOSTILE, "status": HOSTILE, "details": HOSTILE}
    made = {"tool_calls": [{"name": HOSTILE, "arguments": HOSTILE}], "hosted_calls": [hosted]}
    model_finished(run, "0.1", HOSTILE, **made)
    tool_call(run, "0.2", output=HOSTILE)
    said = {"guardrail": HOSTILE, "kind": "input", "agent": HOSTILE, "output_info": HOSTILE}
    event(run, "guardrail.finished", "0.3", **said, tripped=False)
    event(run, "handoff", **{"from": HOSTILE, "to": HOSTILE})
    event(run, "run.retried", by=HOSTILE)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.usefixtures("rows")
def test_who_is_signed_in_sees_it_and_nobody_else(
    looker: Client, stranger: Client, path: str
) -> None:
    assert looker.get(path, follow=True).status_code == 200
    sent_away = stranger.get(path)
    assert sent_away.status_code == 302
    assert sent_away["Location"].startswith("/accounts/login/?next=")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.usefixtures("rows")
def test_hostile_text_is_shown_and_nothing_else(owner: Client, path: str) -> None:
    html = owner.get(path, follow=True).content.decode()
    assert "<script>alert" not in html
    assert html.count("</textarea>") == html.count("<textarea")
    assert " style=" not in html
    assert " onclick=" not in html


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere/",
        "/agents/nobody/",
        "/agents/desk/?like=nothing",
        "/runs/nothing/",
        "/runs/%00/",
        "/runs/" + "x" * 500 + "/",
        "/runs/a%20b/",
        "/approvals/nothing/",
        "/approvals/%00/",
    ],
)
@pytest.mark.usefixtures("rows")
def test_what_is_not_there_is_a_page_that_says_so(owner: Client, path: str) -> None:
    answer = owner.get(path)
    assert answer.status_code == 404
    assert b"Nothing is here" in answer.content


@pytest.mark.parametrize(
    "query",
    ["status=bogus", "after=xyz", "before=%00", "finished_from=2026-13-45", "created_to=yesterday"],
)
def test_a_filter_that_is_none_is_named(owner: Client, query: str) -> None:
    answer = owner.get(f"/runs/?{query}")
    assert answer.status_code == 400
    name = query.partition("=")[0]
    assert f"<strong>{'cursor' if name in ('after', 'before') else name}</strong>" in str(
        answer.content
    )


@pytest.mark.parametrize("name", ["agent", "queue", "session", "schedule", "launched_by"])
def test_a_filter_with_a_nul_is_no_error_of_ours(owner: Client, name: str) -> None:
    assert owner.get("/runs/", {name: "a\x00b"}).status_code in (200, 400)


def test_filters_leave_what_matches_and_say_why_a_list_is_empty(owner: Client) -> None:
    make_run("one", queue="fast")
    make_run("two", queue="slow")
    html = owner.get("/runs/?queue=fast").content.decode()
    assert ("run-row-one" in html, "run-row-two" in html) == (True, False)
    assert "No run matches" in owner.get("/runs/?queue=none").content.decode()


def test_a_list_names_the_schedule_once(owner: Client) -> None:
    make_run("one", schedule="nightly", launched_from="schedule")
    cell = owner.get("/runs/").content.decode().split("schedule nightly</span>")[0]
    assert cell.endswith('<td class="hide-narrow clip"> <span class="soft">')


def test_the_same_address_answers_the_page_or_its_list(owner: Client) -> None:
    make_run("one")
    part = owner.get("/runs/", headers={"HX-Request": "true"}).content.decode()
    assert "run-row-one" in part
    assert "<html" not in part


def test_pages_of_runs_lead_to_each_other(owner: Client) -> None:
    for number in range(60):
        make_run(f"run-{number:02}")
    first = owner.get("/runs/")
    older = owner.get("/runs/", {"after": first.context["page"].next_cursor})
    shown = [row.run_id for page in (first, older) for row in page.context["page"].rows]
    assert len(set(shown)) == len(shown) == 60
    back = owner.get("/runs/", {"before": older.context["page"].prev_cursor})
    assert back.context["page"].rows == first.context["page"].rows


def test_home_invites_while_nothing_was_launched(owner: Client, looker: Client) -> None:
    worker()
    html = owner.get("/").content.decode()
    assert 'action="/demo/launch/"' in html
    assert "Latest runs" not in html
    assert 'action="/demo/launch/"' not in looker.get("/").content.decode()


def test_home_says_what_needs_a_person_and_what_fails(owner: Client) -> None:
    ask(awaiting_run())
    failed = {"message": "order 7 is gone\nmore"}
    make_run("f", status="failed", error=failed, finished_at=timezone.now())
    html = owner.get("/").content.decode()
    assert "Refund order: " in html
    assert "order_id 4711" in html
    assert "order 7 is gone" in html
    assert "No worker is alive" in html


def test_an_agent_says_which_key_no_worker_has_and_what_needs_approval(owner: Client) -> None:
    tool("refund", needs_approval=True)
    agent("desk", model="gpt-4.1", tools=["refund"])
    worker(providers={"demo": True, "openai": False})
    html = owner.get("/agents/desk/").content.decode()
    assert "OPENAI_API_KEY" in html
    assert "needs approval" in html


def test_the_demo_model_says_that_it_is_one(owner: Client) -> None:
    agent("desk")
    assert "offline demo model" in owner.get("/agents/desk/").content.decode()
    assert "offline demo model" in owner.get("/agents/").content.decode()


def test_the_list_marks_tools_that_ask_and_agents_used_as_tools(owner: Client) -> None:
    tool("refund", needs_approval=True)
    tool("lookup")
    tool("quiet", needs_approval=True)
    agent("clerk")
    never = {"name": "quiet", "needs_approval": False}
    agent("desk", tools=["lookup", "refund", never], agent_tools=["clerk"])
    html = owner.get("/agents/").content.decode()
    assert html.count("needs approval") == 1
    assert "refund<span" in html
    assert '/agents/clerk/">clerk</a><span class="visually-hidden">, an agent used' in html


def test_an_icon_is_found_without_a_page(stranger: Client) -> None:
    answer = stranger.get("/favicon.ico", follow=True)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("image/svg+xml")


def test_a_forged_form_is_refused_with_a_page() -> None:
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", {"username": "x"})
    assert answer.status_code == 403
    assert b"This form has expired" in answer.content


def test_signing_in_and_out(client: Client, django_user_model: type, db: None) -> None:
    django_user_model.objects.create_user("ana", password="secret")  # type: ignore[attr-defined]
    wrong = client.post("/accounts/login/", {"username": "ana", "password": "no"})
    assert b"do not go together" in wrong.content
    right = client.post("/accounts/login/", {"username": "ana", "password": "secret"})
    assert right["Location"] == "/"
    assert client.post("/accounts/logout/").status_code == 302
    assert client.get("/").status_code == 302
