"""Any id that is pasted is found."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.approvals.rows import ask, awaiting_run
from tests.workflows.rows import agent
from tests.workflows.rows import run as make_run

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


@pytest.mark.parametrize("query", ["", "nothing", "%", "\x00", "<script>", "x" * 5000])
def test_what_is_nowhere_gets_help(owner: Client, query: str) -> None:
    html = owner.get("/search/", {"q": query}).content.decode()
    assert "Paste the id of a run" in html
    assert "<script>" not in html
