"""Why a run does not move: each reason with its facts, and with what mends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from approvals.access import EVERYTHING, Sight
from tests.approvals.rows import ask
from tests.services.rows import launched, standing
from tests.web.events import event
from tests.workflows.rows import worker
from timestep.models import (
    CatalogueTool,
    Hold,
    ModelLimit,
    ModelTurn,
    Queue,
    Run,
    RunStatus,
    Schedule,
    Segment,
    Worker,
)
from timestep.services import awaits, holds, queues
from timestep.services.audit import Actor
from timestep.services.places import window_of
from timestep.services.specs import store_spec
from workflows.selectors.why import Reason, why

pytestmark = pytest.mark.django_db
ANA = Actor("ana", "page")
LONG_AGO = timedelta(seconds=30)


@pytest.fixture
def alive() -> None:
    """Somebody could take it."""
    worker("w-1", tools=["lookup"])


def reasons(run_id: str = "r", sight: Sight = EVERYTHING) -> list[Reason]:
    return why(Run.objects.select_related("spec").get(pk=run_id), sight)


def whats(run_id: str = "r") -> list[str]:
    return [reason.what for reason in reasons(run_id)]


def started(run_id: str, ago: float = 1, **options: Any) -> Run:
    """A run that holds a place of its queue."""
    run = standing(run_id, RunStatus.RUNNING, started_at=timezone.now(), **options)
    at = timezone.now() - timedelta(seconds=ago)
    Segment.objects.filter(run=run).update(dispatched_at=at, started_at=at)
    return run


def test_what_was_launched_this_moment_says_nothing(alive: None) -> None:
    launched("r")
    assert reasons() == []
    Run.objects.update(created_at=timezone.now() - LONG_AGO)
    assert whats() == ["turn"]


def test_nobody_is_alive() -> None:
    launched("r")
    (reason,) = reasons()
    assert (reason.what, reason.mends[0].url) == ("no_worker", "/workers/")
    assert "python manage.py worker" in reason.text


def test_no_worker_takes_from_its_queue() -> None:
    worker("w-1", queues=["mail", "slow"])
    worker("w-2", queues=["mail"])
    launched("r")
    launched("served", queue="mail")
    (reason,) = reasons()
    assert reason.what == "no_worker_for_queue"
    assert "those alive take from mail, slow" in reason.text
    assert "manage.py worker --queue default" in reason.text
    assert [mend.label for mend in reason.mends] == ["Move it…", "Workers"]
    assert whats("served") == []
    Worker.objects.filter(pk="w-2").update(queues=[])
    assert whats() == []
    Worker.objects.filter(pk="w-2").update(drain_asked_at=timezone.now(), drain_asked_by="bo")
    assert reasons()[0].text.startswith("Every worker of its queue drains")


def test_every_worker_drains(alive: None) -> None:
    launched("r")
    worker("w-2", drain_asked_at=timezone.now(), drain_asked_by="bo")
    assert whats() == []
    Run.objects.update(created_at=timezone.now() - LONG_AGO)
    Worker.objects.update(drain_asked_at=timezone.now(), drain_asked_by="bo")
    (reason,) = reasons()
    assert reason.what == "draining"
    assert "bo" in reason.text


def test_concurrency_names_who_has_the_places_and_since_when(alive: None) -> None:
    queues.set_limits("mail", {"concurrency": 2, "limit": None}, by=ANA)
    started("first", 9, queue="mail")
    started("second", 4, queue="mail")
    launched("r", queue="mail")
    (reason,) = reasons()
    assert reason.what == "concurrency"
    assert [one.run_id for one in reason.others] == ["first", "second"]
    assert reason.since == Segment.objects.get(run="second").dispatched_at
    assert reason.mends[0].permission == "timestep.operate_queue"


@pytest.mark.parametrize("kind", ["resume", "continue", "start"])
def test_whatever_goes_on_says_how_many_execute(alive: None, kind: str) -> None:
    queues.set_limits("mail", {"concurrency": 2, "limit": None}, by=ANA)
    started("first", queue="mail")
    started("second", queue="mail")
    launched("r", queue="mail")
    Segment.objects.filter(run="r").update(kind=kind)
    (reason,) = reasons()
    assert reason.text == "Waits for a place in queue mail: 2 of 2 execute."
    queues.set_limits("mail", {"concurrency": None, "worker_concurrency": 2}, by=ANA)
    (reason,) = reasons()
    assert reason.text == "Waits for a place in queue mail: 2 of 2 execute on the one worker."
    Segment.objects.filter(run="r").update(keeps_place=True)
    assert whats() == []


def test_a_resume_comes_before_launches_and_after_resumes_of_before(alive: None) -> None:
    queues.set_limits("mail", {"concurrency": 0, "limit": 1}, by=ANA)
    for run_id, kind in (("a", "resume"), ("b", "start"), ("c", "continue"), ("r", "resume")):
        launched(run_id, queue="mail")
        Segment.objects.filter(run=run_id).update(kind=kind)
    full, ahead = reasons()
    assert full.text == "Waits for a place in queue mail, which has none: it runs 0 at one time."
    assert ahead.text.startswith("1 run of queue mail")
    assert reasons("b")[-1].text.startswith("3 runs of queue mail")
    assert reasons("c")[-1].text.startswith("2 runs of queue mail")


def test_a_run_that_is_awaited_waits_for_no_place(alive: None) -> None:
    queues.set_limits("mail", {"concurrency": 1, "limit": None}, by=ANA)
    outer = started("outer", queue="mail")
    launched("r", queue="mail")
    assert whats() == ["concurrency"]
    awaits.begin("r", by="outer", epoch=outer.epoch)
    assert whats() == []


def test_runs_of_agents_that_are_kept_are_counted_and_not_named(alive: None) -> None:
    queues.set_limits("mail", {"concurrency": 1, "limit": None}, by=ANA)
    run = started("secret", queue="mail")
    Run.objects.filter(pk=run.pk).update(agent="board")
    launched("r", queue="mail")
    (reason,) = reasons(sight=Sight(of_all=True, agents=frozenset({"board"})))
    assert (reason.others, reason.unnamed) == ((), 1)


def test_each_worker_has_as_many_as_it_may(alive: None) -> None:
    queues.set_limits("mail", {"worker_concurrency": 1, "limit": None}, by=ANA)
    started("first", queue="mail")
    launched("r", queue="mail")
    assert whats() == ["worker_concurrency"]
    worker("w-2")
    assert whats() == []


def test_the_rate_window_says_until_when(alive: None) -> None:
    queues.set_limits("mail", {"limit": 2, "period": 60}, by=ANA)
    started("first", 50, queue="mail")
    started("second", 20, queue="mail")
    launched("r", queue="mail")
    (reason,) = reasons()
    oldest = Segment.objects.get(run="first").dispatched_at
    assert oldest is not None
    assert (reason.what, reason.until) == (
        "rate",
        oldest + window_of(Queue.objects.get(name="mail")),
    )


def test_those_before_it_and_the_button_that_puts_it_first(alive: None) -> None:
    queues.set_limits("mail", {"limit": 0}, by=ANA)
    launched("older", queue="mail")
    launched("prior", queue="mail", priority=5)
    launched("r", queue="mail")
    launched("younger", queue="mail")
    rate, ahead = reasons()
    assert (rate.what, ahead.what) == ("rate", "ahead")
    assert ahead.text.startswith("2 runs of queue mail")
    assert ahead.mends[0].sent == (("priority", "1"),)


def test_a_paused_queue_names_who_and_why_and_is_resumed_at_once(
    alive: None, owner: Client
) -> None:
    launched("r", queue="mail")
    queues.pause("mail", by=ANA, why="the <b>mail</b> is down")
    html = owner.get("/runs/r/").content.decode()
    assert "Queue mail is paused by ana" in html
    assert "<b>mail</b>" not in html
    answer = owner.post("/queues/mail/resume/", {"back": "/runs/r/"})
    assert (answer.status_code, answer["Location"]) == (302, "/runs/r/")
    assert not Queue.objects.get(name="mail").paused


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.AWAITING_APPROVAL])
def test_holds_and_pauses_stop_resumes_too(alive: None, status: RunStatus) -> None:
    run = standing("r", status, queue="mail", started_at=timezone.now(), revision=1)
    Segment.objects.filter(run=run, n=0).update(kind="resume")
    queues.pause("mail", by=ANA, why="later")
    holds.place("agent", run.agent, by=ANA, why="wrong figures")
    holds.place("agent", "another", by=ANA, why="x")
    assert [what for what in whats() if what != "approval"] == ["held", "paused"]


def test_a_delay_says_until_when(alive: None) -> None:
    until = timezone.now() + timedelta(hours=1)
    launched("r", delayed_until=until)
    assert [(one.what, one.until) for one in reasons()] == [("delayed", until)]


def test_whose_approval_it_waits_for(alive: None, owner: Client) -> None:
    run = standing("r", RunStatus.AWAITING_APPROVAL, started_at=timezone.now(), revision=1)
    (asked,) = ask(run)
    (reason,) = reasons()
    assert reason.what == "approval"
    assert "1 of those who may decide" in reason.text
    assert reason.mends[0].url == f"/approvals/{asked.pk}/"


def test_the_session_and_the_schedule_are_busy(alive: None) -> None:
    started("first", session_id="s-1")
    launched("r", session_id="s-1")
    (reason,) = reasons()
    assert "run first of its session s-1, which is running" in reason.text
    Schedule.objects.create(
        name="nightly", agent="desk", input="x", cron="* * * * *", overlap="queue"
    )
    Run.objects.update(schedule="nightly", session_id=None)
    (reason,) = reasons()
    assert (reason.what, reason.mends[0].url) == ("schedule", "/runs/first/")


def _with_agent(**agent: Any) -> None:
    body = {"spec_version": 1, "start": "desk", "agents": {"desk": {"tools": [], **agent}}}
    launched("r", spec=store_spec(body))


def test_a_tool_that_no_worker_has(alive: None) -> None:
    for name in ("lookup", "refund"):
        CatalogueTool.objects.create(name=name, schema={}, schema_digest="d", module="m")
    _with_agent(tools=[{"name": "lookup"}, {"name": "refund"}])
    (reason,) = reasons()
    assert reason.what == "tool"
    assert "No worker has refund" in reason.text


def test_a_key_that_no_worker_has(alive: None) -> None:
    _with_agent(model="openai/gpt-4.1")
    (reason,) = reasons()
    assert reason.what == "key"
    assert "OPENAI_API_KEY" in reason.text


@pytest.mark.parametrize(
    ("version", "replays", "begun", "waits"),
    [(2, [], False, False), (2, [], True, True), (2, [1], True, False), (1, [], True, False)],
)
def test_versions(version: int, replays: list[int], begun: bool, waits: bool) -> None:
    worker("w-1", engine_version=version, replays=replays)
    at = timezone.now() if begun else None
    launched("r")
    Run.objects.update(started_at=at, created_at=timezone.now() - LONG_AGO)
    assert (whats() == ["process"]) is waits


def test_a_run_of_a_newer_version_waits_for_its_workers() -> None:
    worker("w-1", engine_version=1)
    launched("r")
    Run.objects.update(engine_version=2)
    (reason,) = reasons()
    assert "a worker of engine version 2, or of a newer one" in reason.text


def test_a_script_keeps_what_it_launched_as_long_as_it_lives(alive: None) -> None:
    worker("s-1", kind="script", script="/srv/nightly.py")
    launched("r", reserved_for="s-1")
    assert whats() == ["reserved"]


def test_what_was_given_to_a_worker_that_is_gone(alive: None) -> None:
    launched("r")
    Segment.objects.update(state="dispatched", worker="w-9", dispatched_at=timezone.now())
    assert whats() == ["lost"]
    Segment.objects.update(worker="w-1")
    Run.objects.update(created_at=timezone.now() - LONG_AGO)
    assert whats() == ["turn"]


def test_a_running_run_whose_worker_fell_silent(alive: None) -> None:
    worker("w-2", silent=30)
    standing("r", RunStatus.RUNNING, owner="w-2")
    assert whats() == ["lost"]
    Run.objects.update(owner="w-1")
    assert whats() == []


def test_a_step_that_waits_for_a_release(alive: None) -> None:
    run = standing("r", RunStatus.RUNNING)
    hold = holds.place("tool", "refund", by=ANA, why="twice")
    assert whats() == []
    call = {"kind": "tool", "name": "refund", "agent": "desk", "tool": "refund", "call_id": "c"}
    event(run, "hold.waiting", **call, by="ana", why="twice")
    (reason,) = reasons()
    assert (reason.what, reason.mends[0].url) == ("held", f"/stop/#hold-{hold.pk}")
    event(run, "hold.released", **call)
    assert whats() == []


def test_a_model_call_that_waits_for_its_turn(alive: None) -> None:
    run = standing("r", RunStatus.RUNNING)
    limit = ModelLimit.objects.create(pattern="openai/*", requests_per_minute=1)
    now = timezone.now()
    turn = ModelTurn.objects.create(
        limit=limit, model="openai/x", run=run, epoch=1, size=1, asked_at=now, seen_at=now
    )
    (reason,) = reasons()
    assert (reason.what, reason.since) == ("model_limit", now)
    ModelTurn.objects.filter(pk=turn.pk).update(seen_at=now - LONG_AGO)
    assert whats() == []


@pytest.mark.parametrize("status", [RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED])
def test_what_has_ended_says_nothing(status: RunStatus) -> None:
    standing("r", status)
    Hold.objects.create(kind="everything", placed_by="ana", placed_why="x")
    assert reasons() == []


def test_buttons_are_for_those_who_may(alive: None, looker: Client, owner: Client) -> None:
    queues.set_limits("mail", {"limit": 0}, by=ANA)
    launched("r", queue="mail")
    assert b"Change the limits" not in looker.get("/runs/r/why/").content
    assert b"Change the limits" in owner.get("/runs/r/why/").content


def test_runs_that_nobody_can_build_do_not_hide_one_another(alive: None) -> None:
    spec = store_spec({"spec_version": 2, "needs": {"modules": ["shop.desk"], "script": None}})
    for run_id in ("first", "r"):
        launched(run_id, spec=spec)
    assert whats() == ["ahead"]
    Run.objects.update(created_at=timezone.now() - LONG_AGO)
    Run.objects.filter(pk="first").update(created_at=timezone.now() - 2 * LONG_AGO)
    assert whats() == ["unbuildable", "ahead"]
    assert "has to import shop.desk" in reasons()[0].text
    assert "TIMESTEP_CODE" in reasons()[0].text


def test_a_session_without_a_file_is_said_to_be_over(alive: None) -> None:
    home = "<notebook, process 7 on h, 1f2e>"
    launched("r", spec=store_spec({"spec_version": 2, "needs": {"script": home}}))
    (reason,) = reasons()
    assert reason.text.startswith(f"Its agent lives in {home}, which has ended and has no file")
    Worker.objects.update(kind="script", script=home)
    assert whats() == []
