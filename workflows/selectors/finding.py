"""Finding anything by an id, or by how an id or a name begins. Only index lookups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.urls import reverse

from approvals.access import EVERYTHING, Sight
from approvals.models import ApprovalRequest
from timestep.models import Run, Schedule, Worker
from workflows.models import AgentDefinition

NEAR = 10


@dataclass(frozen=True)
class Found:
    """Something that a search found. `exact`: its id is what was asked for."""

    kind: str
    name: str
    url: str
    exact: bool
    about: str = ""


def find(query: str, sight: Sight = EVERYTHING) -> list[Found]:
    """What is seen and has this id; where nothing has, what begins with it or belongs to it."""
    text = query.strip().strip("\"'`<>()[]{},;").rstrip("/").rsplit("/", 1)[-1].strip()
    if not text or "\x00" in text:
        return []
    return list(_exact(text, sight)) or list(_near(text, sight))


def _exact(text: str, sight: Sight) -> Iterator[Found]:
    seen = Run.objects.filter(sight.runs())
    run_id = text.rpartition(":")[0] or text  # a segment id is its run's, a colon and a number
    for run in seen.filter(run_id__in=[text, run_id]).only("run_id", "agent")[:1]:
        yield Found("run", run.run_id, reverse("run", args=[run.run_id]), True, run.agent)
    requests = ApprovalRequest.objects.filter(sight.requests(), approval_id=text)
    for request in requests.only("approval_id", "tool")[:1]:
        yield _approval(request, exact=True)
    yield from _agent(text, sight)
    if seen.filter(session_id=text).exists():
        yield Found("session", text, _runs("session", text), True, "the runs of this session")
    schedules = Schedule.objects.filter(sight.agents_in("agent"), name=text)
    for schedule in schedules.only("name", "agent"):
        url = reverse("schedule", args=[schedule.name])
        yield Found("schedule", text, url, True, f"launches {schedule.agent}")


def _agent(text: str, sight: Sight) -> Iterator[Found]:
    """The definition, or the runs of a script's agent, which has no page of its own."""
    if not sight.sees(text):
        return
    agent = AgentDefinition.objects.filter(slug=text).only("slug", "name").first()
    if agent is not None:
        yield Found("agent", agent.slug, reverse("agent", args=[agent.slug]), True, agent.name)
    elif Run.objects.filter(agent=text, agent_version=None).exists():
        yield Found("agent", text, _runs("agent", text), True, "the runs of a script's agent")


def _near(text: str, sight: Sight) -> Iterator[Found]:
    """The ids that start with the text: a range that the primary key's index answers."""
    after = text + "\U0010ffff"
    runs = Run.objects.filter(sight.runs(), run_id__gte=text, run_id__lt=after).order_by("run_id")
    for run in runs.only("run_id", "agent")[:NEAR]:
        yield Found("run", run.run_id, reverse("run", args=[run.run_id]), False, run.agent)
    requests = ApprovalRequest.objects.filter(sight.requests())
    asked = requests.filter(approval_id__gte=text, approval_id__lt=after)
    for request in asked.order_by("approval_id").only("approval_id", "tool")[:NEAR]:
        yield _approval(request, exact=False)
    agents = AgentDefinition.objects.filter(sight.agents_in("slug"))
    named = agents.filter(Q(slug__icontains=text) | Q(name__icontains=text))
    for agent in named.only("slug", "name")[:NEAR]:
        yield Found("agent", agent.slug, reverse("agent", args=[agent.slug]), False, agent.name)
    for worker in Worker.objects.filter(worker_id=text):
        yield Found("worker", worker.worker_id, reverse("home"), False, worker.host)
    calls = requests.filter(call_id=text) if text.startswith("call") else ()
    for request in calls[:NEAR]:
        yield _approval(request, exact=True)


def _approval(request: ApprovalRequest, *, exact: bool) -> Found:
    url = reverse("approval", args=[request.approval_id])
    return Found("approval", request.approval_id, url, exact, request.tool)


def _runs(name: str, value: str) -> str:
    return reverse("runs", query={name: value})
