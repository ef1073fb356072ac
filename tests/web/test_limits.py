"""The page of model limits, and the admin's."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from approvals.models import AuditEntry
from tests.services.turns import ask, limit
from tests.web.sure import SURE
from timestep.models import ModelLimit

pytestmark = pytest.mark.django_db
HX = {"HX-Request": "true"}


@pytest.fixture
def viewer() -> Client:
    """May see limits, and nothing else."""
    user = User.objects.create_user("viewer", password="-")
    user.user_permissions.add(Permission.objects.get(codename="view_modellimit"))
    client = Client()
    client.force_login(user)
    return client


def test_the_page_says_what_is_used_and_who_waits(owner: Client) -> None:
    limit("openai/*", requests=2, tokens=90_000)
    for _ in range(4):
        ask(most_output=50)
    page = owner.get("/limits/", headers=HX).content.decode()
    assert "openai/*" in page
    assert "<html" not in page
    assert ">of 90,000<" in page
    assert '<span class="s-waiting">2</span>' in page
    assert 'data-time="in"' in page


def test_a_limit_is_made_changed_and_lifted(owner: Client) -> None:
    sent = {"pattern": "openai/*", "requests": "1,000", "tokens": ""}
    assert owner.post("/limits/new/", sent).status_code == 302
    address = "/limits/change/?pattern=openai/*"
    assert b'value="1000"' in owner.get(address).content
    assert owner.post(address, {"requests": "", "tokens": "500"}).status_code == 302
    kept = ModelLimit.objects.get()
    assert (kept.requests_per_minute, kept.tokens_per_minute) == (None, 500)
    assert owner.post("/limits/delete/", SURE | {"pattern": "openai/*"}).status_code == 302
    assert not ModelLimit.objects.exists()
    assert [e.actor for e in AuditEntry.objects.filter(via="page")] == ["owner"] * 3


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"pattern": "a*b", "requests": "1"},
        {"pattern": "m", "requests": "x"},
        {"pattern": "m", "requests": "0"},
        {"pattern": "m", "tokens": "9" * 30},
        {"pattern": "m\x00", "tokens": "9"},
        {"pattern": "<script>" * 100, "tokens": "9"},
    ],
    ids=["nothing", "stars", "word", "zero", "huge", "nul", "hostile"],
)
def test_what_cannot_be_used_is_said_beside_its_field(owner: Client, sent: dict[str, str]) -> None:
    answer = owner.post("/limits/new/", sent)
    assert answer.status_code == 422
    assert b"field-error" in answer.content
    assert b"<script><" not in answer.content
    assert not ModelLimit.objects.exists()


def test_a_change_that_cannot_be_made_changes_nothing(owner: Client) -> None:
    limit("openai/m", requests=5)
    answer = owner.post("/limits/change/?pattern=openai/m", {"requests": "-1"})
    assert (answer.status_code, b"field-error" in answer.content) == (422, True)
    assert owner.post("/limits/change/?pattern=none", {"requests": "1"}).status_code == 404
    assert owner.post("/limits/delete/", SURE | {"pattern": "\x00"}).status_code == 404
    assert ModelLimit.objects.get().requests_per_minute == 5


def test_who_may_only_look_has_no_forms(viewer: Client) -> None:
    limit("openai/m", requests=5)
    page = viewer.get("/limits/").content
    assert b"openai/m" in page
    assert b"limits/new" not in page
    assert b"limits/change" not in page
    assert viewer.post("/limits/new/", {"pattern": "m", "requests": "1"}).status_code == 403


def test_the_admin_saves_through_the_services(owner: Client) -> None:
    base = "/admin/timestep/modellimit/"
    wrong = {"pattern": "a*b", "requests_per_minute": "", "tokens_per_minute": ""}
    assert b"errorlist" in owner.post(f"{base}add/", wrong).content
    sent = {"pattern": "m", "requests_per_minute": "5", "tokens_per_minute": ""}
    assert owner.post(f"{base}add/", sent).status_code == 302
    one = f"{base}openai_2Fm/"
    assert b"errorlist" in owner.post(f"{one}change/", sent | {"requests_per_minute": "0"}).content
    assert owner.post(f"{one}change/", sent | {"requests_per_minute": "6"}).status_code == 302
    assert ModelLimit.objects.get().requests_per_minute == 6
    assert owner.post(f"{one}delete/", {"post": "yes"}).status_code == 302
    acts = [e.act for e in AuditEntry.objects.filter(via="admin").order_by("number")]
    assert acts == ["model_limit.create", "model_limit.change", "model_limit.delete"]
