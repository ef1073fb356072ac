"""Queues in the browser: what waits and runs, limits, pauses, and moving what waits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from approvals.models import AuditEntry
from tests.access.people import anew, keep, person
from tests.services.rows import launched, standing
from tests.web.sure import SURE
from timestep.models import Queue, Run, RunStatus, Segment
from timestep.services import awaits, queues
from timestep.services.audit import Actor
from workflows.selectors.throughput import last_hour, rate_window
from workflows.services.definitions import save_definition

pytestmark = pytest.mark.django_db
ANA = Actor("ana", "page")
LIMITS = {"limit": "7", "period": "2.5", "concurrency": "", "worker_concurrency": "3"}


@pytest.fixture
def mail() -> Queue:
    return queues.set_limits("mail", {"limit": 10, "concurrency": 4}, by=ANA)


def test_the_list_counts_what_waits_and_runs(owner: Client, mail: Queue) -> None:
    launched("a", queue="mail")
    launched("b", queue="fresh")
    standing("c", RunStatus.RUNNING, queue="mail")
    html = owner.get("/queues/").content.decode()
    assert "/queues/mail/" in html
    assert "/queues/fresh/" in html
    assert html.count('#waiting">1</a>') == 2
    assert html.count('#running">1</a>') == 1


def test_what_waits_is_in_the_order_of_its_start(owner: Client, mail: Queue) -> None:
    for name, priority in (("last", None), ("second", 9), ("first", 2)):
        launched(name, queue="mail", priority=priority)
    html = owner.get("/queues/mail/").content.decode()
    places = [html.index(f'id="run-{name}"') for name in ("first", "second", "last")]
    assert places == sorted(places)


def test_what_goes_on_comes_first_and_lent_places_are_counted_once(
    owner: Client, mail: Queue
) -> None:
    outer = standing("outer", RunStatus.RUNNING, queue="mail")
    standing("inner", RunStatus.RUNNING, queue="mail")
    awaits.begin("inner", by="outer", epoch=outer.epoch)
    for name, kind in (("launched", "start"), ("retried", "continue"), ("decided", "resume")):
        launched(name, queue="mail", priority=3)
        Segment.objects.filter(run=name).update(kind=kind)
    html = owner.get("/queues/mail/").content.decode()
    assert "<b>1<small> of 4</small></b>" in html
    places = [html.index(f'id="run-{name}"') for name in ("decided", "retried", "launched")]
    assert places == sorted(places)
    assert html.count('name="priority"') == 3


def test_htmx_gets_what_changes_alone(owner: Client, mail: Queue) -> None:
    part = owner.get("/queues/mail/", headers={"HX-Request": "true"}).content
    assert b"<html" not in part
    assert b"Rate window" in part
    assert b"/queues/mail/limits/" not in part


def test_limits_are_changed_and_audited(owner: Client, mail: Queue) -> None:
    assert owner.post("/queues/mail/limits/", LIMITS).status_code == 302
    mail.refresh_from_db()
    assert (mail.limit, mail.period_seconds, mail.concurrency) == (7, 2.5, None)
    entry = AuditEntry.objects.latest("number")
    assert (entry.actor, entry.via, entry.act) == ("owner", "page", "queue.limits")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", "many"),
        ("limit", "-1"),
        ("limit", "9" * 30),
        ("period", "0"),
        ("period", "nan"),
        ("period", ""),
        ("concurrency", "1.5"),
        ("worker_concurrency", "٣"),
    ],
)
def test_a_limit_that_is_none_is_named_and_kept_typed(
    owner: Client, mail: Queue, field: str, value: str
) -> None:
    answer = owner.post("/queues/mail/limits/", {**LIMITS, field: value})
    assert answer.status_code == 422
    assert f'value="{value}"' in answer.content.decode()
    assert 'aria-invalid="true"' in answer.content.decode()
    mail.refresh_from_db()
    assert mail.limit == 10


def test_a_queue_is_made_once(owner: Client) -> None:
    assert owner.post("/queues/new/", {"name": "slow", **LIMITS}).status_code == 302
    assert Queue.objects.get(name="slow").worker_concurrency == 3
    for name in ("slow", "no spaces", "", "x" * 101):
        answer = owner.post("/queues/new/", {"name": name, **LIMITS})
        assert answer.status_code == 422
        assert b"field-error" in answer.content


def test_it_is_paused_with_a_reason_and_resumed(owner: Client, mail: Queue) -> None:
    assert owner.post("/queues/mail/pause/", {"why": " "}).status_code == 422
    assert owner.post("/queues/mail/pause/", {"why": "<i>down</i>"}).status_code == 302
    html = owner.get("/queues/mail/").content.decode()
    assert "<strong>Paused</strong> by owner" in html
    assert "<i>down</i>" not in html
    assert owner.post("/queues/mail/resume/").status_code == 302
    mail.refresh_from_db()
    assert not mail.paused


def test_one_with_work_in_it_is_not_deleted(owner: Client, mail: Queue) -> None:
    launched("r", queue="mail")
    answer = owner.post("/queues/mail/delete/", SURE)
    assert answer.status_code == 409
    assert b"pause it and move or cancel them" in answer.content
    Run.objects.update(queue="default")
    assert owner.post("/queues/mail/delete/", SURE)["Location"] == "/queues/"
    assert not Queue.objects.filter(name="mail").exists()


def test_one_that_an_agent_launches_into_is_there_before_any_run(owner: Client) -> None:
    save_definition({"slug": "desk", "name": "Desk", "model": "m", "default_queue": "mail"})
    assert b'href="/queues/mail/"' in owner.get("/agents/desk/").content
    assert owner.get("/queues/mail/").status_code == 200
    assert owner.post("/queues/mail/pause/", {"why": "not yet"}).status_code == 302
    answer = owner.post("/queues/mail/delete/", SURE)
    assert (answer.status_code, Queue.objects.get().paused) == (409, True)
    assert b"agent desk launches into it" in answer.content


def test_a_waiting_run_is_given_another_priority(owner: Client, mail: Queue) -> None:
    launched("r", queue="mail", priority=5)
    back = {"back": "/queues/mail/#waiting"}
    answer = owner.post("/runs/r/priority/", {"priority": "1", **back})
    assert answer["Location"] == "/queues/mail/#waiting"
    assert Run.objects.get(pk="r").priority == 1
    owner.post("/runs/r/priority/", {"priority": "", **back})
    assert Run.objects.get(pk="r").priority is None
    for wrong in ("0", "-1", "first", "9" * 30):
        assert owner.post("/runs/r/priority/", {"priority": wrong}).status_code == 422


def test_it_is_moved_and_cancelled_from_there(owner: Client, mail: Queue) -> None:
    Queue.objects.create(name="slow")
    launched("r", queue="mail")
    assert owner.post("/runs/r/queue/", {"queue": "slow"}).status_code == 302
    assert Run.objects.get(pk="r").queue == "slow"
    assert owner.post("/runs/r/queue/", {"queue": "nowhere"}).status_code == 404
    gone = owner.post("/runs/r/cancel/", SURE | {"back": "/queues/slow/"})
    assert gone["Location"] == "/queues/slow/"
    assert owner.post("/runs/r/queue/", {"queue": "mail"}).status_code == 409


def test_nobody_is_sent_to_another_site(owner: Client, mail: Queue) -> None:
    launched("r", queue="mail")
    answer = owner.post("/runs/r/priority/", {"priority": "1", "back": "https://evil.example/"})
    assert answer["Location"] == "/queues/mail/"


def test_runs_of_kept_agents_are_counted_and_not_shown(mail: Queue) -> None:
    launched("secret", queue="mail", agent="board")
    keep("board", person("bo"))
    ana = person("ana", "timestep.view_run", "timestep.view_queue", "timestep.operate_queue")
    client = Client()
    client.force_login(anew(ana))
    html = client.get("/queues/mail/").content.decode()
    assert "secret" not in html
    assert "1 of agents that are kept from you" in html
    assert client.post("/runs/secret/priority/", {"priority": "1"}).status_code == 404


@pytest.mark.parametrize("path", ["/queues/nowhere/", "/queues/%00/", "/queues/a%20b/"])
def test_what_is_no_queue_is_not_found(owner: Client, path: str) -> None:
    assert owner.get(path).status_code == 404
    for act in ("limits", "pause", "resume", "delete"):
        assert owner.post(f"{path}{act}/", {"why": "x", **LIMITS}).status_code == 404


def test_the_window_says_what_is_free_and_when_the_next_is(mail: Queue) -> None:
    now = timezone.now()
    for number in range(10):
        run = standing(f"r-{number}", RunStatus.SUCCEEDED, queue="mail")
        at = now - timedelta(seconds=50 - number)
        Segment.objects.filter(run=run).update(dispatched_at=at, started_at=at)
    window = rate_window(mail)
    assert window is not None
    assert window.next_free_at is not None
    assert (window.used, window.free) == (10, 0)
    assert abs((window.next_free_at - now).total_seconds() - 10) < 0.01
    assert window.chart is not None
    assert window.chart.totals == {"started": 10}


def test_the_last_hour_is_by_minute_and_outcome(mail: Queue) -> None:
    for name, ago, status in (("a", 1, "succeeded"), ("b", 59, "failed"), ("c", 90, "failed")):
        standing(name, RunStatus(status), queue="mail")
        Run.objects.filter(pk=name).update(finished_at=timezone.now() - timedelta(minutes=ago))
    standing("d", RunStatus.FAILED, queue="other", finished_at=timezone.now())
    chart = last_hour("mail")
    assert chart is not None
    assert chart.totals == {"succeeded": 1, "failed": 1}
