"""What people do to a schedule: run it now, pause, resume, backfill and delete it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from approvals.access import PERMISSIONS, may
from timestep.access import needs, refuse
from timestep.confirming import Step, ask_first, is_confirmed
from timestep.errors import TimestepError
from timestep.models import Schedule
from timestep.services import schedules as service
from timestep.services.backfills import backfill as launch_missing
from timestep.services.backfills import missing_ticks
from timestep.services.ticks import run_now
from timestep.zones import zone_of
from workflows.selectors.schedules import local_text
from workflows.services.local_times import as_typed, read_range
from workflows.views.acts import actor
from workflows.views.launch_forms import current_user
from workflows.views.schedules import DELETE, VIEW, load, operated


@require_POST
@needs(VIEW)
def run(request: HttpRequest, schedule: str) -> HttpResponse:
    """Launch it now and open the run."""
    found = load(request, schedule)
    _launched(request, found)
    try:
        made = run_now(found.name, by=current_user(request), launched_from="page")
    except TimestepError as error:
        messages.error(request, str(error))
        return redirect("schedule", found.name)
    return redirect("run", made.run_id)


@require_POST
@needs(VIEW)
def pause(request: HttpRequest, schedule: str) -> HttpResponse:
    """Stop launching by the clock, for a reason."""
    found = load(request, schedule)
    operated(request, found.agent)
    why = request.POST.get("why", "").strip()
    if not why:
        messages.error(request, "Say why it is paused: whoever looks for its runs will ask.")
        return redirect("schedule", found.name)
    by = actor(request)
    return _done(request, found, lambda: service.pause(found.name, by=by, why=why), "is paused")


@require_POST
@needs(VIEW)
def resume(request: HttpRequest, schedule: str) -> HttpResponse:
    """Launch by the clock again, from now on."""
    found = load(request, schedule)
    operated(request, found.agent)
    by = actor(request)
    return _done(request, found, lambda: service.resume(found.name, by=by), "goes on from now")


@require_POST
@needs(DELETE)
def delete(request: HttpRequest, schedule: str) -> HttpResponse:
    """Delete it and its ticks; its runs stay."""
    found = load(request, schedule)
    operated(request, found.agent)
    if not is_confirmed(request):
        act = f"Delete the schedule {found.name} and its ticks; its runs stay."
        return ask_first(request, Step(act, "Delete", reverse("schedule", args=[found.name])))
    service.delete(found.name, by=actor(request))
    messages.success(request, f"Schedule {found.name} is deleted; its runs stay.")
    return redirect("schedules")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(VIEW)
def backfill(request: HttpRequest, schedule: str) -> HttpResponse:
    """List what a range of the past would launch; a POST launches it."""
    found = load(request, schedule)
    _launched(request, found)
    sent = request.POST if request.method == "POST" else request.GET
    typed = {name: sent.get(name, "").strip()[:100] for name in ("start", "end")}
    context: dict[str, Any] = {"schedule": found, "typed": typed, "asked": bool(typed["start"])}
    try:
        if context["asked"]:
            start, end = _range(found, typed)
            if request.method == "POST":
                return _backfilled(request, found, start, end)
            context |= _would_run(found, start, end)
    except TimestepError as error:
        context["error"] = error
    return render(
        request,
        "workflows/schedules/backfill.html",
        context,
        status=422 if "error" in context else 200,
    )


def _backfilled(
    request: HttpRequest, found: Schedule, start: datetime, end: datetime
) -> HttpResponse:
    if not is_confirmed(request):
        zone = found.timezone
        act = f"Launch {found.agent} for every tick from {local_text(start, zone)} to "
        act += f"{local_text(end, zone)} that has no run."
        return ask_first(request, Step(act, "Launch", reverse("schedule", args=[found.name])))
    by = current_user(request)
    runs = launch_missing(found.name, start, end, by=by, launched_from="page")
    if runs:
        many = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
        messages.success(request, f"Launched {many} for the ticks that had none.")
    else:
        messages.info(request, "Nothing was launched: every tick of the range has its run.")
    return redirect("schedule", found.name)


def _range(found: Schedule, typed: dict[str, str]) -> tuple[datetime, datetime]:
    """The range that was typed, in the schedule's zone; without an end it goes up to now."""
    zone = zone_of(found.timezone)
    if zone is not None:
        typed["end"] = typed["end"] or as_typed(timezone.now(), zone)
    return read_range(typed["start"], typed["end"], zone)


def _would_run(found: Schedule, start: datetime, end: datetime) -> dict[str, Any]:
    missing = missing_ticks(found, start, end)
    ran = found.ticks.filter(at__range=(start, end), run_id__isnull=False)
    return {
        "missing": [(at, local_text(at, found.timezone)) for at in missing],
        "ran": len(ran.values_list("pk")[:1001]),
        "span": f"{local_text(start, found.timezone)} to {local_text(end, found.timezone)}",
    }


def _launched(request: HttpRequest, found: Schedule) -> None:
    """Go on where the person may launch the schedule's agent; else a 403 page."""
    if not may(request.user, "launch", found.agent):
        refuse(request, PERMISSIONS["launch"], found.agent)


def _done(
    request: HttpRequest, found: Schedule, act: Callable[[], object], said: str
) -> HttpResponse:
    try:
        act()
    except TimestepError as error:
        messages.error(request, str(error))
        return redirect("schedules")
    messages.success(request, f"Schedule {found.name} {said}.")
    return redirect("schedule", found.name)
