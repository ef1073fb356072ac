"""What people do to a run: cancel it, retry it, launch it again."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from approvals.access import PERMISSIONS, Act, may_with_run
from timestep.access import refuse
from timestep.confirming import Step, ask_first, is_confirmed, try_out
from timestep.errors import RunNotFound, TimestepError
from timestep.models import Run
from timestep.services.cancel import cancel
from timestep.services.retry import read_turns, retry
from workflows.selectors.repeats import repeated_by_retry
from workflows.services.launching import launch_again
from workflows.views.acts import back_to
from workflows.views.launch_forms import current_user
from workflows.views.run import load


@require_POST
@login_required
def cancel_run(request: HttpRequest, run_id: str) -> HttpResponse:
    """Cancel a run that has not ended."""
    run = allowed(request, "cancel", run_id)
    act = f"Cancel the run {run_id} of {run.agent}."
    first = Step(act, "Cancel the run", _back(request, run_id))
    by = current_user(request).get_username()
    return _done(request, run_id, lambda: cancel(run_id, by=by), first)


@require_POST
@login_required
def retry_run(request: HttpRequest, run_id: str) -> HttpResponse:
    """Continue a failed run from the step that failed."""
    first = _retry_step(request, allowed(request, "retry", run_id))
    by = current_user(request).get_username()
    turns = request.POST.get("max_turns", "")
    return _done(request, run_id, lambda: retry(run_id, by=by, max_turns=read_turns(turns)), first)


@require_POST
@login_required
def again(request: HttpRequest, run_id: str) -> HttpResponse:
    """Launch a run like this one: its own version, or the latest where that was chosen."""
    allowed(request, "launch", run_id)
    latest = request.POST.get("version") == "latest"
    by = current_user(request)
    return _done(
        request, run_id, lambda: launch_again(run_id, by=by, launched_from="page", latest=latest)
    )


def _retry_step(request: HttpRequest, run: Run) -> Step:
    """What a retry does again, said before."""
    effects = repeated_by_retry(run)
    does = [(f"{one.tool}, {one.word}", one.arguments) for one in effects.shown]
    repeats = " It repeats, or asks about, these calls:" if does else ""
    act = f"Retry the run {run.run_id} of {run.agent} from the step that failed.{repeats}"
    return Step(act, "Retry", _back(request, run.run_id), does)


def _back(request: HttpRequest, run_id: str) -> str:
    return back_to(request, reverse("run", args=[run_id]))


def allowed(request: HttpRequest, act: Act, run_id: str) -> Run:
    """Go on where the person sees the run and may do this with it; else a 404 or a 403 page."""
    run = load(request, run_id)
    if not may_with_run(request.user, act, run):
        refuse(request, PERMISSIONS[act], run.agent)
    return run


def _done(
    request: HttpRequest, run_id: str, act: Callable[[], Run], first: Step | None = None
) -> HttpResponse:
    """The page of the run that came out, or that the form was on; or why nothing was done.

    `first` is what is asked before, where the act cannot be undone.
    """
    try:
        if first is not None and not is_confirmed(request):
            try_out(act)
            return ask_first(request, first)
        done = act()
    except RunNotFound as error:
        raise Http404(str(error)) from error
    except TimestepError as error:
        messages.error(request, str(error))
        context = {"back": run_id}
        return render(request, "workflows/run/refused.html", context, status=409)
    return redirect(back_to(request, reverse("run", args=[done.run_id])))
