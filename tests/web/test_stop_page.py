"""The emergency stop: placing, the bar on every page, releasing."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from approvals.models import AuditEntry
from tests.access.people import anew, keep, person
from tests.web.sure import SURE
from timestep.models import Hold
from timestep.services import holds
from timestep.services.audit import Actor
from workflows.services.definitions import save_definition

pytestmark = pytest.mark.django_db
ANA = Actor("ana", "page")
TOOL = {"kind": "tool", "tool": "refund", "agent": "ignored", "why": "twice"}


def test_a_tool_is_held_and_released_by_name_and_reason(owner: Client) -> None:
    assert owner.post("/stop/place/", SURE | TOOL).status_code == 302
    hold = Hold.objects.get()
    assert (hold.kind, hold.name, hold.placed_by) == ("tool", "refund", "owner")
    html = owner.get("/runs/").content.decode()
    assert "The tool refund is held" in html
    assert owner.post(f"/stop/{hold.pk}/release/", SURE | {"why": ""}).status_code == 422
    assert owner.post(f"/stop/{hold.pk}/release/", SURE | {"why": "mended"}).status_code == 302
    assert b"is held" not in owner.get("/runs/").content
    assert b"mended" in owner.get("/stop/").content
    acts = AuditEntry.objects.order_by("number").values_list("act", "actor")
    assert list(acts) == [("hold.place", "owner"), ("hold.release", "owner")]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"kind": "everything"},
        {"kind": "everything", "why": " "},
        {"kind": "agent", "why": "x"},
        {"kind": "tool", "tool": "x" * 101, "why": "x"},
        {"kind": "moon", "why": "x"},
        {"kind": "everything", "why": "x" * 301},
    ],
)
def test_what_cannot_be_held_is_named_and_changes_nothing(
    owner: Client, sent: dict[str, Any]
) -> None:
    assert owner.post("/stop/place/", SURE | sent).status_code == 422
    assert not Hold.objects.exists()


def test_the_bar_is_escaped_and_counts_the_others(owner: Client) -> None:
    holds.place("tool", "lookup", by=ANA, why="x")
    holds.place("everything", "", by=ANA, why="<img src=x>")
    html = owner.get("/").content.decode()
    assert "Everything is held" in html
    assert "and 1 more" in html
    assert "<img src=x>" not in html


def test_the_bar_costs_one_query(owner: Client, django_assert_num_queries: Any) -> None:
    holds.place("everything", "", by=ANA, why="x")
    with django_assert_num_queries(3):  # the session, the user, the holds
        assert b"Everything is held" in owner.get("/stop/banner/").content


def test_holds_of_kept_agents_are_not_shown_and_not_released() -> None:
    keep("finance", person("bo"))
    hold = holds.place("agent", "finance", by=ANA, why="secret")
    ana = person("ana", "timestep.view_run", "timestep.view_hold", "timestep.operate_hold")
    client = Client()
    client.force_login(anew(ana))
    assert b"finance" not in client.get("/stop/").content
    assert client.post(f"/stop/{hold.pk}/release/", SURE | {"why": "x"}).status_code == 404
    placed = {"kind": "agent", "agent": "finance", "why": "x"}
    assert client.post("/stop/place/", SURE | placed).status_code == 404


def test_agents_are_held_and_shown_to_those_who_see_all(owner: Client) -> None:
    placed = {"kind": "agent", "agent": "desk", "why": "wrong"}
    assert owner.post("/stop/place/", SURE | placed).status_code == 302
    hold = Hold.objects.get()
    assert f'id="hold-{hold.pk}"' in owner.get("/stop/").content.decode()
    assert owner.post(f"/stop/{hold.pk}/release/", SURE | {"why": "right"}).status_code == 302
    assert owner.get("/admin/timestep/hold/").content.decode().count("desk") >= 1


def test_who_is_not_signed_in_sees_no_bar(stranger: Client) -> None:
    holds.place("everything", "", by=ANA, why="x")
    assert b"is held" not in stranger.get("/accounts/login/").content
    assert stranger.get("/stop/").status_code == 302


def test_a_hold_that_never_was_is_not_found(owner: Client) -> None:
    for number in (1, 2**62, 2**70):
        assert owner.post(f"/stop/{number}/release/", SURE | {"why": "x"}).status_code == 404


def test_pages_of_agents_lead_to_it_with_the_name_filled_in(owner: Client) -> None:
    save_definition({"slug": "desk", "name": "Desk", "model": "m"})
    assert b'href="/stop/?agent=desk"' in owner.get("/agents/desk/").content
    asked = owner.get("/stop/?agent=%22%3E%3Cb%3E").content.decode()
    assert 'value="&quot;&gt;&lt;b&gt;"' in asked
    plain = Client()
    plain.force_login(anew(person("ana", "timestep.view_run")))
    assert b"/stop/?agent=" not in plain.get("/agents/desk/").content
