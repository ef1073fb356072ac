"""What the actions of the admin share: acting on each row, and saying what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from approvals.access import Act, may, may_with_run
from approvals.errors import AgentKept
from timestep.errors import TimestepError
from timestep.models import Run
from timestep.services.audit import Actor

AT_ONCE = 100


def user_of(request: HttpRequest) -> User:
    """The signed-in user; the admin lets nobody else in."""
    if not isinstance(request.user, User):
        raise TypeError("an admin action without a user")
    return request.user


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in user, for the audit trail."""
    return Actor(user_of(request).get_username(), "admin")


def act_on_each(
    request: HttpRequest, keys: Iterable[str], act: Callable[[str], str | SafeString]
) -> None:
    """Do the act for each key by itself, so that one refusal does not stop the others."""
    for key in keys:
        try:
            messages.success(request, act(key))
        except TimestepError as error:
            messages.error(request, str(error))
        except ValidationError as error:
            messages.error(request, "; ".join(error.messages))


def selected(request: HttpRequest, rows: QuerySet[Any]) -> list[str]:
    """The keys of the selected rows; none, and a message, if they are too many for one request."""
    keys = [str(key) for key in rows.values_list("pk", flat=True)[: AT_ONCE + 1]]
    if len(keys) > AT_ONCE:
        messages.error(request, f"Select at most {AT_ONCE} at once; nothing was done.")
        return []
    return keys


def allowed(request: HttpRequest, act: Act, run_id: str) -> str:
    """The run id, where the person may do this with the run. Raises AgentKept."""
    run = Run.objects.only("run_id", "agent", "launched_by").get(run_id=run_id)
    if not may_with_run(request.user, act, run):
        raise AgentKept(run.agent, act)
    return run_id


def allowed_agent(request: HttpRequest, agent: str) -> str:
    """The agent, where the person may launch it. Raises AgentKept."""
    if not may(request.user, "launch", agent):
        raise AgentKept(agent, "launch")
    return agent


def launched(run: Run) -> SafeString:
    """A message that leads to the run."""
    url = reverse("admin:timestep_run_change", args=[run.run_id])
    return format_html('Launched <a href="{}">{}</a> ({}).', url, run.run_id, run.agent)
