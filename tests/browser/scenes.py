"""Every page of the site with something to show: runs in every state, what waits, what is held."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.services.roles import keep_roles
from tests.access.objects import AGENT, Objects, make_objects
from tests.approvals.rows import ask, ask_about_unknown, refund_call
from tests.web.events import event, model_finished, model_started, tool_call
from tests.workflows.rows import agent, tool
from tests.workflows.rows import run as make_run
from timestep.models import Queue, Run, RunStatus
from timestep.services.audit import Actor
from timestep.services.queues import pause

__all__ = ["addresses", "fill"]
SAID = (
    "Your order <b>4711</b> will be refunded.\n\n\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
)
_FAILED = {"what": "tool lookup", "message": "no such order", "step": "0.2", "traceback": "line 1"}


def fill(user: User, name: str = "desk") -> Objects:
    """Rows behind every page.

    Args:
        user: Who looks.
        name: Of what is made besides, however long.
    """
    keep_roles()
    objects = make_objects(user)
    tool(name[:100], needs_approval=True, description="Looks things up.")
    agent(name[:100], tools=[{"name": name[:100]}], instructions=SAID)
    for status in RunStatus.values:
        _run(f"{status}-{name}"[:128], status, name)
    _decisions(user, name)
    Queue.objects.create(name=name[:100], limit=5, period_seconds=60, concurrency=2)
    pause("mail", by=Actor("ana", "page"), why="Moving to the new mail server")
    return objects


def _run(run_id: str, status: str, name: str) -> Run:
    began = timezone.now() - timedelta(seconds=40)
    ended = status not in ("queued", "running", "awaiting_approval")
    made: dict[str, Any] = {"session_id": name[:200], "queue": name[:100], "agent": name[:100]}
    made |= {"started_at": None if status == "queued" else began, "agent_version": 1}
    made |= {"finished_at": timezone.now() if ended else None, "input": SAID}
    made |= {"error": _FAILED if status in ("failed", "timed_out") else None}
    made |= {"final_output": SAID if status == "succeeded" else None, "executing_ms": 5000}
    run = make_run(run_id, status=status, **made)
    if status != "queued":
        _events(run, name)
    return run


def _events(run: Run, name: str) -> None:
    calls = [{"call_id": "c1", "name": name, "arguments": '{"id": 7}'}]
    model_started(run, "0.1")
    model_finished(run, "0.1", SAID, tool_calls=calls)
    tool_call(run, "0.2", ended=run.status != "running")
    event(run, "tool.started", "call.x", call_id="c2", tool=name, agent="desk", arguments="{}")
    inner = {"parent_call_id": "c2", "parent_step": "call.x"}
    model_started(run, "0.1048576", **inner)
    event(
        run, "guardrail.finished", "0.4", guardrail=name, kind="input", agent="desk", tripped=True
    )
    event(run, "handoff", "0.1", **{"from": "desk", "to": name})
    event(run, "worker.lost", worker="w-1", resumed_on="w-2", silent_s=9)


def _decisions(user: User, name: str) -> None:
    waits = make_run(f"asks-{name}"[:128], status=RunStatus.AWAITING_APPROVAL, agent=name[:100])
    calls = (refund_call(f"k{number}", said_before=SAID) for number in range(3))
    ask(waits, *calls)
    ask_about_unknown(waits, "u1")


def addresses(objects: Objects) -> list[str]:
    """The pages that people read, with what each needs in its address."""
    runs = [f"/runs/{run_id}/" for run_id in Run.objects.values_list("run_id", flat=True)]
    asked = objects.their_request.pk
    lists = "/ /runs/ /runs/?created_from=x /agents/ /approvals/ /approvals/?show=all "
    lists += "/approvals/?show=decided /queues/ /schedules/ /schedules/new/ /workers/ /limits/ "
    lists += "/limits/change/?pattern=* /stop/ /policies/ /audit/ /search/?q=desk /search/?q=zz "
    lists += f"/agents/{AGENT}/ /queues/mail/ /queues/default/ /schedules/nightly/ "
    lists += "/schedules/nightly/edit/ /schedules/nightly/backfill/ /workers/w-1/ /nothing/ "
    lists += f"/approvals/{asked}/ /approvals/{asked}/?all=1 /runs/theirs/traceback/"
    return [*lists.split(), *runs]


def admin_addresses(objects: Objects) -> list[str]:
    """The lists and forms of the admin that are ours: of our models."""
    ours = [key for key in objects.keys if not key.startswith("auth/")]
    forms = ["workflows/agentdefinition", "approvals/policy", "timestep/schedule", "timestep/run"]
    changes = [f"/admin/{model}/{quote(str(objects.keys[model]))}/change/" for model in forms]
    return [*(f"/admin/{model}/" for model in ours), *changes, "/admin/approvals/policy/add/"]
