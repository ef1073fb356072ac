"""The home page: what runs, waits and failed, and whether anybody works."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from approvals import selectors as approvals
from timestep.access import needs
from timestep.demo import DEMO_INPUT
from timestep.errors import TimestepError
from workflows.selectors.activity import next_up, runs_by_hour
from workflows.selectors.failing import failing_today
from workflows.selectors.figures import home_figures
from workflows.selectors.runs import runs_page
from workflows.services.launching import launch_agent
from workflows.views.launch_forms import current_user

DEMO_AGENT = "support-desk"


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """What happens now, at a glance."""
    latest = runs_page(limit=12)
    context = {
        "figures": home_figures(),
        "waiting": approvals.pending(limit=5),
        "failing": failing_today(),
        "chart": runs_by_hour(),
        "next_up": next_up(),
        "page": latest,
        "fresh": not latest.rows,
        "today": timezone.localdate().isoformat(),
        "newest": int(timezone.now().timestamp() * 1000),
    }
    return render(request, "workflows/home.html", context)


@require_POST
@needs("timestep.launch_run")
def demo_launch(request: HttpRequest) -> HttpResponse:
    """Launch the demo that stops for an approval, and open its page."""
    try:
        run = launch_agent(
            DEMO_AGENT, input=DEMO_INPUT, by=current_user(request), launched_from="home"
        )
    except TimestepError as error:
        messages.error(request, str(error))
        return redirect("home")
    return redirect("run", run.run_id)
