"""The home page: what runs, waits and failed, and whether anybody works."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from approvals.access import PERMISSIONS, may, sight_of
from approvals.selectors.inbox import Inbox
from timestep.access import refuse
from timestep.demo import DEMO_INPUT
from timestep.errors import TimestepError
from workflows.selectors.activity import next_up, runs_by_hour
from workflows.selectors.failing import failing_today
from workflows.selectors.figures import home_figures, midnight
from workflows.selectors.moments import as_address
from workflows.selectors.runs import runs_page
from workflows.selectors.schedules import stopped_by_failures
from workflows.services.launching import launch_agent
from workflows.views.launch_forms import current_user

DEMO_AGENT = "support-desk"


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """What happens now, at a glance."""
    user, sight = current_user(request), sight_of(request.user)
    latest = runs_page(limit=12, sight=sight)
    context = {
        "figures": home_figures(sight),
        "waiting": Inbox(user).page(limit=5).rows,
        "failing": failing_today(sight),
        "stopped": stopped_by_failures(sight),
        "chart": runs_by_hour(sight),
        "next_up": next_up(sight),
        "page": latest,
        "fresh": not latest.rows,
        "may_launch_demo": may(user, "launch", DEMO_AGENT),
        "no_role": not sight.of_all and not sight.agents,
        "today": as_address(midnight()),
        "newest": int(timezone.now().timestamp() * 1000),
    }
    return render(request, "workflows/home.html", context)


@require_POST
@login_required
def demo_launch(request: HttpRequest) -> HttpResponse:
    """Launch the demo that stops for an approval, and open its page."""
    if not may(request.user, "launch", DEMO_AGENT):
        refuse(request, PERMISSIONS["launch"], DEMO_AGENT)
    try:
        run = launch_agent(
            DEMO_AGENT, input=DEMO_INPUT, by=current_user(request), launched_from="home"
        )
    except TimestepError as error:
        messages.error(request, str(error))
        return redirect("home")
    return redirect("run", run.run_id)
