"""What a card says before anyone decides: whether the run could go on."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from approvals.models import ApprovalRequest
from approvals.services.decisions import decide
from approvals.services.standing import standing, standings
from tests.approvals.rows import approver, ask, awaiting_run
from timestep.models import AgentSpec, CatalogueTool, Queue, Run, SavedState, Segment, Worker
from timestep.services.audit import Actor
from timestep.services.holds import place
from timestep.services.queues import pause
from timestep.services.states import save_interrupted

pytestmark = pytest.mark.django_db

ANA = Actor("ana", "page")
TOOL = {"name": "refund_order", "digest": "d" * 64}


def _asked(**body: Any) -> ApprovalRequest:
    """A request whose run could go on: its state, its tool and a worker are there."""
    body = {"spec_version": 1, "start": "desk", "agents": {"desk": {"tools": [TOOL]}}} | body
    spec = AgentSpec.objects.create(digest="1" * 64, body=body)
    CatalogueTool.objects.create(name="refund_order", schema={}, schema_digest="d" * 64)
    worker("w-1")
    run = awaiting_run()
    Run.objects.filter(pk=run.pk).update(spec=spec)
    save_interrupted(run, {})
    [request] = ask(Run.objects.get(pk=run.pk))
    return request


def worker(name: str, **fields: Any) -> None:
    given = {"host": "here", "pid": 1, "engine_version": 1, "tools": ["refund_order"]}
    Worker.objects.create(worker_id=name, **(given | fields))


def test_nothing_is_said_where_nothing_is_in_the_way() -> None:
    assert standing(_asked()) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"present": False}, "refund_order is on no worker any more"),
        ({"schema_digest": "e" * 64}, "refund_order takes other arguments"),
    ],
)
def test_a_tool_that_is_gone_or_changed(change: dict[str, Any], said: str) -> None:
    request = _asked()
    CatalogueTool.objects.update(**change)
    assert said in standing(request)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stopped_at": timezone.now()}, "No worker runs: the decision is kept"),
        ({"engine_version": 99}, "engine version 1"),
        ({"tools": []}, "No running worker has all of the tools refund_order"),
        ({"kind": "script"}, "No worker runs"),
        ({"queues": ["mail"]}, "No running worker takes from the queue default"),
    ],
)
def test_workers_that_are_not_there_or_not_able(change: dict[str, Any], said: str) -> None:
    request = _asked()
    Worker.objects.update(**change)
    assert said in standing(request)


def test_a_saved_state_that_is_gone() -> None:
    request = _asked()
    SavedState.objects.all().delete()
    assert "saved state of the run is gone" in standing(request)


def test_a_script_that_does_not_run() -> None:
    request = _asked(spec_version=2, needs={"script": "/home/ana/desk.py"})
    assert "/home/ana/desk.py does not run" in standing(request)
    worker("w-2", kind="script", script="/home/ana/desk.py")
    assert standing(request) == ""


def test_many_are_looked_at_at_once(django_assert_num_queries: Any) -> None:
    first = _asked()
    more = [row for _ in range(4) for row in ask(Run.objects.get(pk=awaiting_run().pk))]
    CatalogueTool.objects.update(present=False)
    rows = list(ApprovalRequest.objects.select_related("run"))
    with django_assert_num_queries(6):
        found = standings(rows)
    assert "on no worker" in found[first.pk]
    assert all("saved state" in found[row.pk] for row in more)


def test_what_was_decided_is_not_looked_at() -> None:
    request = _asked()
    Worker.objects.all().delete()
    decide(request.pk, approve=True, by=approver())
    request.refresh_from_db()
    assert standing(request) == ""


def test_what_people_have_stopped_is_said_besides() -> None:
    request = _asked()
    Queue.objects.create(name="default")
    pause("default", by=ANA, why="mail is down")
    assert standing(request).startswith("Queue default is paused by ana (mail is down): ")
    place("tool", request.tool, by=ANA, why="twice")
    place("tool", "another", by=ANA, why="x")
    place("agent", request.agent, by=ANA, why="odd")
    CatalogueTool.objects.update(present=False)
    said = standing(request)
    assert said.startswith("The tool refund_order is on no worker any more")
    assert "The tool refund_order is held by ana (twice)" in said
    assert f"The agent {request.agent} is held by ana (odd)" in said
    assert "another" not in said


def test_a_full_queue_says_how_many_execute_and_who_is_next() -> None:
    request = _asked()
    queue = Queue.objects.create(name="default", concurrency=1)
    assert standing(request) == ""
    Run.objects.filter(pk=awaiting_run().pk).update(status="running")
    Segment.objects.exclude(run=request.run_id).update(state="running")
    said = standing(request)
    assert said.startswith("Queue default is full, 1 of 1 execute: the decision is kept")
    assert said.endswith("the run takes the next free place, before all launches.")
    Queue.objects.filter(pk=queue.pk).update(concurrency=2)
    assert standing(request) == ""


def test_a_newer_worker_that_replays_the_old_version_is_enough() -> None:
    request = _asked()
    Worker.objects.update(engine_version=2)
    assert "engine version 1" in standing(request)
    Worker.objects.update(replays=[1])
    assert standing(request) == ""
