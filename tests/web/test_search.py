"""Any id that is pasted is found."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.access.people import anew, person
from tests.approvals.rows import ask, awaiting_run
from tests.workflows.rows import agent, worker
from tests.workflows.rows import run as make_run
from timestep.models import Schedule
from timestep.services import queues
from timestep.services.audit import Actor
from workflows.selectors.finding import Found

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "pasted",
    ["run_77", "  run_77 ", '"run_77"', "run_77:0", "http://localhost:8000/runs/run_77/"],
)
def test_a_run_id_leads_to_its_page_however_it_was_copied(owner: Client, pasted: str) -> None:
    make_run("run_77")
    assert owner.get("/search/", {"q": pasted})["Location"] == "/runs/run_77/"


def test_other_ids_lead_to_theirs(owner: Client) -> None:
    agent("desk")
    make_run("one", session_id="s-42")
    (asked,) = ask(awaiting_run())
    for query, place in {
        "desk": "/agents/desk/",
        asked.pk: f"/approvals/{asked.pk}/",
        "s-42": "/runs/?session=s-42",
    }.items():
        assert owner.get("/search/", {"q": query})["Location"] == place


def test_the_beginning_of_an_id_offers_what_it_may_be(owner: Client) -> None:
    make_run("run_1")
    make_run("run_2")
    answer = owner.get("/search/", {"q": "run_"})
    assert [one.name for one in answer.context["found"]] == ["run_1", "run_2"]


def test_what_is_operated_is_found_by_those_who_may_look(owner: Client) -> None:
    queues.create("mail", {}, by=Actor("ana", "page"))
    row = worker("w-42")
    schedule = {"name": "nightly", "agent": "desk", "cron": "0 3 * * *", "input": "hello"}
    Schedule.objects.create(**schedule)
    places = {"mail": "/queues/mail/", row.pk: f"/workers/{row.pk}/"}
    places["nightly"] = "/schedules/nightly/"
    stranger = Client()
    stranger.force_login(anew(person("ana", "timestep.view_run")))
    for query, place in places.items():
        assert owner.get("/search/", {"q": query})["Location"] == place
        assert [one.url for one in _offered(owner, query[1:-1])] == [place]
        assert _offered(stranger, query) == _offered(stranger, query[1:-1]) == []


def _offered(client: Client, query: str) -> list[Found]:
    found: list[Found] = client.get("/search/", {"q": query}).context["found"]
    return found


@pytest.mark.parametrize("query", ["", "nothing", "%", "\x00", "<script>", "x" * 5000])
def test_what_is_nowhere_gets_help(owner: Client, query: str) -> None:
    html = owner.get("/search/", {"q": query}).content.decode()
    assert "Paste the id of a run" in html
    assert "<script>" not in html
