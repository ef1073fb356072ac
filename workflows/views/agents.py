"""Agents: the list, and a page per agent with the form that launches it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from approvals.access import PERMISSIONS, may, sight_of
from timestep.access import refuse
from timestep.demo import CONCIERGE_INPUT, DEMO_INPUT
from timestep.errors import InvalidInput, RunNotFound, TimestepError
from timestep.providers import PROVIDERS
from workflows.errors import AgentNotFound
from workflows.selectors.agents import agent_page, agents_overview
from workflows.selectors.run import get_run
from workflows.selectors.workers import alive_workers
from workflows.services.launching import launch_agent
from workflows.views.launch_forms import LaunchForm, current_user

# What to say to the demo agents at first.
_EXAMPLES = {"support-desk": DEMO_INPUT, "refunds": DEMO_INPUT, "concierge": CONCIERGE_INPUT}


@require_safe
@login_required
def agents(request: HttpRequest) -> HttpResponse:
    """Every agent, with its last run."""
    return render(
        request, "workflows/agents/list.html", {"rows": agents_overview(sight_of(request.user))}
    )


@require_safe
@login_required
def agent(request: HttpRequest, slug: str) -> HttpResponse:
    """One agent: what it is, what it may do, how it does, and the launch form."""
    return _page(request, slug, _ready_form(request, request.GET.get("like", "")))


@require_POST
@login_required
def agent_launch(request: HttpRequest, slug: str) -> HttpResponse:
    """Launch the agent and open the run; a form that is not right comes back as it was typed."""
    if not may(request.user, "launch", slug):
        if not may(request.user, "see", slug):
            raise Http404(str(AgentNotFound(slug)))
        refuse(request, PERMISSIONS["launch"], slug)
    form = LaunchForm.sent(request.POST)
    try:
        run = launch_agent(slug, by=current_user(request), launched_from="page", **form.options())
    except AgentNotFound as error:
        raise Http404(str(error)) from error
    except InvalidInput as error:
        form.errors[error.field] = error.message
    except TimestepError as error:
        form.errors[""] = str(error)
    else:
        return redirect("run", run.run_id)
    return _page(request, slug, form, status=422)


def _ready_form(request: HttpRequest, like: str) -> LaunchForm | None:
    """The form filled like an earlier run, for "edit the input first"."""
    if not like:
        return None
    try:
        return LaunchForm.of(get_run(like, sight_of(request.user)).input)
    except RunNotFound as error:
        raise Http404(str(error)) from error


def _page(
    request: HttpRequest, slug: str, form: LaunchForm | None, status: int = 200
) -> HttpResponse:
    try:
        page = agent_page(slug, sight_of(request.user))
    except AgentNotFound as error:
        raise Http404(str(error)) from error
    provider = PROVIDERS.get(page.definition.model.partition("/")[0], PROVIDERS["openai"])
    context = {
        "page": page,
        "agent": page.definition,
        "provider": provider,
        "may_launch": may(request.user, "launch", slug),
        "form": form or LaunchForm.of(page.last_input or _EXAMPLES.get(slug)),
        "workers_alive": len(alive_workers()),
    }
    return render(request, "workflows/agents/page.html", context, status=status)
