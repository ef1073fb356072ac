"""Finding anything by an id, or by how an id or a name begins.

Only index lookups where rows are many: runs and requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.urls import reverse

from approvals.access import Sight
from approvals.models import ApprovalRequest
from timestep.models import Queue, Run, Schedule, Worker
from workflows.models import AgentDefinition

NEAR = 10
_M = TypeVar("_M", bound=Model)


@dataclass(frozen=True)
class Found:
    """Something that a search found. `exact`: its id is what was asked for."""

    kind: str
    name: str
    url: str
    exact: bool
    about: str = ""


def find(query: str, sight: Sight, may: Callable[[str], bool]) -> list[Found]:
    """What is seen and has this id; where nothing has, what begins with it or belongs to it.

    Args:
        query: What was pasted or typed.
        sight: Of which agents runs, requests and schedules are found.
        may: Whether whoever asks has a permission; pages that need one are found with it only.
    """
    text = query.strip().strip("\"'`<>()[]{},;").rstrip("/").rsplit("/", 1)[-1].strip()
    if not text or "\x00" in text:
        return []
    finders = [finder for permission, finder in _OPERATED.items() if may(permission)]

    def operated(*, exact: bool) -> Iterator[Found]:
        return (one for finder in finders for one in finder(text, sight, exact))

    return [*_exact(text, sight), *operated(exact=True)] or [
        *_near(text, sight),
        *operated(exact=False),
    ]


def _schedules(text: str, sight: Sight, exact: bool) -> Iterator[Found]:
    rows = _named(Schedule.objects.filter(sight.agents_in("agent")), "name", text, exact)
    for row in rows.only("name", "agent")[:NEAR]:
        url = reverse("schedule", args=[row.name])
        yield Found("schedule", row.name, url, exact, f"launches {row.agent}")


def _queues(text: str, sight: Sight, exact: bool) -> Iterator[Found]:
    for row in _named(Queue.objects.all(), "name", text, exact)[:NEAR]:
        yield Found("queue", row.name, reverse("queue", args=[row.name]), exact)


def _workers(text: str, sight: Sight, exact: bool) -> Iterator[Found]:
    rows = _named(Worker.objects.all(), "worker_id", text, exact)
    for row in rows.only("worker_id", "host")[:NEAR]:
        yield Found("worker", row.pk, reverse("worker", args=[row.pk]), exact, row.host)


# What is operated, by the permission to look at it.
_OPERATED = {
    "timestep.view_schedule": _schedules,
    "timestep.view_queue": _queues,
    "timestep.view_worker": _workers,
}


def _named(rows: QuerySet[_M], field: str, text: str, exact: bool) -> QuerySet[_M]:
    """Rows whose name this is, or holds it: there are few of what is operated."""
    return rows.filter(**{field if exact else f"{field}__icontains": text}).order_by(field)


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
    calls = requests.filter(call_id=text) if text.startswith("call") else ()
    for request in calls[:NEAR]:
        yield _approval(request, exact=True)


def _approval(request: ApprovalRequest, *, exact: bool) -> Found:
    url = reverse("approval", args=[request.approval_id])
    return Found("approval", request.approval_id, url, exact, request.tool)


def _runs(name: str, value: str) -> str:
    return reverse("runs", query={name: value})
