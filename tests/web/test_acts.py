"""What people do on the pages: launch, cancel, retry, launch again."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.web.sure import SURE
from tests.workflows.rows import agent
from tests.workflows.rows import run as make_run
from timestep.models import Run, Segment
from timestep.services.launch import launch
from workflows.services.launching import launch_agent

pytestmark = pytest.mark.django_db
ACTS = {
    "/demo/launch/": "timestep.launch_run",
    "/agents/desk/launch/": "timestep.launch_run",
    "/runs/r/cancel/": "timestep.cancel_run",
    "/runs/r/retry/": "timestep.retry_run",
    "/runs/r/again/": "timestep.launch_run",
}


@pytest.mark.parametrize("path", ACTS)
def test_acts_need_their_permission_and_the_refusal_names_it(
    looker: Client, stranger: Client, path: str
) -> None:
    make_run("r")
    refused = looker.post(path, SURE)
    assert refused.status_code == 403
    assert ACTS[path] in refused.content.decode()
    assert stranger.post(path, SURE).status_code == 302
    assert Run.objects.get().cancel_requested_at is None


@pytest.mark.parametrize("path", [*ACTS, "/approvals/a/decide/"])
def test_reading_never_acts(owner: Client, path: str) -> None:
    assert owner.get(path).status_code == 405


def test_launching_opens_the_run(owner: Client) -> None:
    agent("desk")
    sent = {"input": "two\r\nlines", "session_id": "s-1", "queue": "fast", "timeout_seconds": "9.5"}
    answer = owner.post("/agents/desk/launch/", sent)
    run = Run.objects.get()
    assert answer["Location"] == f"/runs/{run.pk}/"
    assert (run.input, run.session_id, run.queue) == ("two\nlines", "s-1", "fast")
    assert (run.timeout_seconds, run.launched_from) == (9.5, "page")
    assert run.launched_by == User.objects.get(username="owner")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("input", "  "),
        ("priority", "first"),
        ("timeout_seconds", "-1"),
        ("timeout_seconds", "nan"),
        ("priority", "9" * 30),
        ("session_id", "a\x00b"),
    ],
)
def test_a_launch_that_is_not_right_comes_back_as_typed(
    owner: Client, field: str, value: str
) -> None:
    agent("desk")
    answer = owner.post("/agents/desk/launch/", {"input": "hello </textarea>", field: value})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert Run.objects.count() == 0


def test_items_are_json(owner: Client) -> None:
    agent("desk")
    items = '[{"role": "user", "content": "hi"}]'
    owner.post("/agents/desk/launch/", {"input": items, "as_items": "on"})
    assert Run.objects.get().input == [{"role": "user", "content": "hi"}]
    wrong = owner.post("/agents/desk/launch/", {"input": "no json", "as_items": "on"})
    assert "is not JSON" in wrong.context["form"].errors["input"]


def test_an_inactive_agent_says_so(owner: Client) -> None:
    agent("desk", active=False)
    answer = owner.post("/agents/desk/launch/", {"input": "hello"})
    assert (answer.status_code, "inactive" in answer.content.decode()) == (422, True)


def test_a_duplicate_says_which_run_holds_the_id(owner: Client) -> None:
    agent("desk")
    first = launch_agent("desk", input="hello", launched_from="test", dedup_id="one")
    answer = owner.post("/agents/desk/launch/", {"input": "hello", "dedup_id": "one"})
    assert answer.status_code == 422
    assert first.pk in answer.content.decode()


def test_the_demo_is_launched_with_one_press(owner: Client) -> None:
    assert owner.post("/demo/launch/")["Location"] == "/"
    agent("support-desk")
    assert owner.post("/demo/launch/")["Location"].startswith("/runs/")


def test_an_unknown_agent_is_not_found(owner: Client) -> None:
    assert owner.post("/agents/nobody/launch/", {"input": "hello"}).status_code == 404


def test_cancelling(owner: Client) -> None:
    agent("desk")
    run = launch_agent("desk", input="hello", launched_from="test")
    assert owner.post(f"/runs/{run.pk}/cancel/", SURE)["Location"] == f"/runs/{run.pk}/"
    run.refresh_from_db()
    assert (run.status, run.cancelled_by) == ("cancelled", "owner")
    again = owner.post(f"/runs/{run.pk}/cancel/", SURE)
    assert again.status_code == 409
    assert "is cancelled and cannot be cancelled" in again.content.decode()


def test_retrying_a_run_that_failed(owner: Client) -> None:
    run = make_run("r", status="failed", error={"what": "tool x"})
    Segment.objects.create(segment_id="r:0", run=run, n=0, state="parked")
    assert owner.post("/runs/r/retry/", SURE).status_code == 302
    run.refresh_from_db()
    assert run.status == "queued"


def test_launching_again_keeps_the_version_unless_the_latest_is_chosen(owner: Client) -> None:
    agent("desk")
    run = launch_agent("desk", input="hello", launched_from="test")
    agent("desk", instructions="be quick")
    same = owner.post(f"/runs/{run.pk}/again/", {"version": "same"})["Location"].split("/")[2]
    last = owner.post(f"/runs/{run.pk}/again/", {"version": "latest"})["Location"].split("/")[2]
    versions = [Run.objects.get(pk=made).agent_version for made in (same, last)]
    assert versions == [1, 2]


@pytest.mark.parametrize("act", ["cancel", "retry", "again"])
def test_acts_on_a_run_that_is_not_there(owner: Client, act: str) -> None:
    assert owner.post(f"/runs/nothing/{act}/").status_code == 404


def test_a_script_s_run_has_a_page_though_its_agent_has_none(owner: Client) -> None:
    run = launch(spec=make_run("x").spec, input="hi", agent="My Agent/1")
    html = owner.get(f"/runs/{run.pk}/").content.decode()
    assert "My Agent/1" in html


def test_the_traceback_is_for_people_who_may_see_it(owner: Client, looker: Client) -> None:
    make_run("r", status="failed", error={"what": "tool x", "traceback": "File <b>secret.py"})
    assert "secret.py" not in owner.get("/runs/r/").content.decode()
    assert "File &lt;b&gt;secret.py" in owner.get("/runs/r/traceback/").content.decode()
    assert looker.get("/runs/r/traceback/").status_code == 403
    user = User.objects.get(username="looker")
    user.user_permissions.add(Permission.objects.get(codename="view_traceback"))
    assert looker.get("/runs/r/traceback/").status_code == 200
