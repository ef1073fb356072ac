"""The page of one run."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals.access import acts_with_run, sight_of
from timestep.access import needs
from timestep.errors import RunNotFound
from timestep.models import Run, RunStatus
from workflows.selectors.run import get_run, run_page
from workflows.selectors.timeline import rows
from workflows.selectors.timeline_rows import output_of
from workflows.selectors.why import why

ROWS_SHOWN = 300
# A run that moves, or has ended, tells of it by its socket.
_ASKED_AGAIN: dict[str, int] = {
    RunStatus.QUEUED: 2,
    RunStatus.RUNNING: 2,
    RunStatus.AWAITING_APPROVAL: 10,
}


@require_safe
@login_required
def run(request: HttpRequest, run_id: str) -> HttpResponse:
    """Status, input, output and timeline; what comes later arrives over the websocket."""
    try:
        page = run_page(run_id, sight_of(request.user))
    except RunNotFound as error:
        raise Http404(str(error)) from error
    found = rows(run_id, upto=page.run.last_seq)
    shown = found if request.GET.get("rows") == "all" else found[-ROWS_SHOWN:]
    context = {
        "page": page,
        "run": page.run,
        "rows": shown,
        "total_rows": len(found),
        "hidden_rows": len(found) - len(shown),
        "output": output_of(page.run.status, page.run.final_output, found),
        "last_seq": page.run.last_seq,
        **_reasons(request, page.run),
        "inline_cards": True,
        "may": acts_with_run(request.user, page.run),
    }
    return render(request, "workflows/run/page.html", context)


@require_safe
@login_required
def why_not_moving(request: HttpRequest, run_id: str) -> HttpResponse:
    """Why the run does not move, and what mends it: a part of its page, asked again and again."""
    run = load(request, run_id)
    return render(request, "workflows/run/_why.html", {"run": run, **_reasons(request, run)})


def _reasons(request: HttpRequest, run: Run) -> dict[str, Any]:
    """The reasons, and after how many seconds they are looked at again; 0: when the run changes."""
    found = why(run, sight_of(request.user))
    still = found if run.status == RunStatus.RUNNING else True
    return {"reasons": found, "every": _ASKED_AGAIN.get(run.status, 0) if still else 0}


@require_safe
@needs("timestep.view_traceback")
def traceback(request: HttpRequest, run_id: str) -> HttpResponse:
    """Where a failed run failed, for people who may see the inside of it."""
    context = {"run": load(request, run_id)}
    return render(request, "workflows/run/traceback.html", context)


def load(request: HttpRequest, run_id: str) -> Run:
    """The run, if the person sees it, or a 404 page."""
    try:
        return get_run(run_id, sight_of(request.user))
    except RunNotFound as error:
        raise Http404(str(error)) from error
