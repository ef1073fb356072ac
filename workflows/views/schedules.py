"""Schedules: the list, a page per schedule, and the forms that make and change them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from approvals.access import PERMISSIONS, may, sight_of
from timestep.access import PageRequest, needs, refuse
from timestep.errors import InvalidInput, ScheduleNotFound
from timestep.models import Overlap, Schedule
from timestep.services.cron import checked_cron
from timestep.services.placeholders import PLACEHOLDERS
from timestep.services.schedule_checks import checked_zone
from timestep.services.schedules import save_schedule
from timestep.zones import canonical_names, old_names
from workflows.selectors.cursors import Page
from workflows.selectors.schedules import (
    STATES,
    TickRow,
    Times,
    get_schedule,
    is_taken,
    schedule_page,
    schedules_list,
    ticks_page,
    times_of,
)
from workflows.services.local_times import read_time
from workflows.views.launch_forms import current_user
from workflows.views.schedule_choices import agents_to_launch, versions_of
from workflows.views.schedule_forms import ScheduleForm

VIEW, ADD = "timestep.view_schedule", "timestep.add_schedule"
CHANGE, DELETE = "timestep.change_schedule", "timestep.delete_schedule"


@require_safe
@vary_on_headers("HX-Request")
@needs(VIEW)
def schedules(request: PageRequest) -> HttpResponse:
    """Every schedule whose agent is seen; the list alone to htmx, which asks again and again."""
    asked = {name: request.GET.get(name, "").replace("\x00", "")[:100] for name in _FILTERS}
    rows, more = schedules_list(sight_of(request.user), **asked)
    context = {"rows": rows, "more": more, "asked": asked, "states": STATES}
    part = "workflows/schedules/_list.html"
    return render(request, part if request.htmx else "workflows/schedules/list.html", context)


_FILTERS = ("q", "state", "after")


@require_safe
@vary_on_headers("HX-Request")
@needs(VIEW)
def schedule(request: PageRequest, schedule: str) -> HttpResponse:
    """One schedule: when it is due, what came of its ticks, and what it launches."""
    found = load(request, schedule)
    ticks, error = _ticks(request, found)
    context = {
        "page": schedule_page(found),
        "schedule": found,
        "ticks": ticks,
        "error": error,
        "deep": bool(request.GET.get("after") or request.GET.get("before")),
        "may_operate": may_operate(request, found.agent),
        "may_launch": may(request.user, "launch", found.agent),
    }
    part = "workflows/schedules/_live.html"
    return render(
        request,
        part if request.htmx else "workflows/schedules/page.html",
        context,
        status=400 if error else 200,
    )


def _ticks(request: HttpRequest, found: Schedule) -> tuple[Page[TickRow], InvalidInput | None]:
    after, before = request.GET.get("after", ""), request.GET.get("before", "")
    try:
        return ticks_page(found, after=after, before=before), None
    except InvalidInput as error:
        return Page([]), error


@require_http_methods(["GET", "HEAD", "POST"])
@needs(ADD)
def new(request: HttpRequest) -> HttpResponse:
    """The form of a new schedule; a POST makes it."""
    if request.method != "POST":
        return _form(request, ScheduleForm(agent=request.GET.get("agent", "")[:100]))
    return _saved(request, ScheduleForm.sent(request.POST), None)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(VIEW)
def edit(request: HttpRequest, schedule: str) -> HttpResponse:
    """The form of a schedule; a POST saves it. What a program made is changed in the program."""
    found = load(request, schedule)
    operated(request, found.agent)
    if found.spec_id is not None:
        messages.error(request, "It is a program's: change it there, or the next start undoes it.")
        return redirect("schedule", found.name)
    if request.method != "POST":
        return _form(request, ScheduleForm.of(found), found)
    form = ScheduleForm.sent(request.POST)
    form.name = found.name
    return _saved(request, form, found)


@require_safe
@needs(VIEW)
def preview(request: HttpRequest) -> HttpResponse:
    """What a line means that somebody types: its words and its next times, or what is wrong."""
    context: dict[str, Any] = {}
    try:
        context["times"] = _typed_times(request)
    except InvalidInput as error:
        context["error"] = error
    return render(request, "workflows/schedules/_times.html", context)


def _typed_times(request: HttpRequest) -> Times | None:
    typed = {name: request.GET.get(name, "").strip()[:300] for name in _PREVIEWED}
    if not typed["cron"]:
        return None
    zone = checked_zone(typed["timezone"] or "UTC")
    return times_of(
        checked_cron(typed["cron"]),
        zone,
        starts_at=read_time("starts_at", typed["starts_at"], zone),
        ends_at=read_time("ends_at", typed["ends_at"], zone),
    )


_PREVIEWED = ("cron", "timezone", "starts_at", "ends_at")


def load(request: HttpRequest, name: str) -> Schedule:
    """The schedule, where the person sees its agent; else a 404 page."""
    try:
        return get_schedule(name, sight_of(request.user))
    except ScheduleNotFound as error:
        raise Http404(str(error)) from error


def may_operate(request: HttpRequest, agent: str) -> bool:
    """Whether the person may change when an agent is launched: by role, and for this agent."""
    return request.user.has_perm(CHANGE) and may(request.user, "launch", agent)


def operated(request: HttpRequest, agent: str) -> None:
    """Go on where the person may change the schedules of an agent; else a 403 page."""
    if not request.user.has_perm(CHANGE):
        refuse(request, CHANGE)
    if not may(request.user, "launch", agent):
        refuse(request, PERMISSIONS["launch"], agent)


def _saved(request: HttpRequest, form: ScheduleForm, found: Schedule | None) -> HttpResponse:
    """Save what was typed and open its page; a form that is not right comes back as it was."""
    by = current_user(request)
    try:
        fields = form.fields(found)
        if form.agent not in agents_to_launch(by):
            raise ValidationError({"agent": ["choose an agent that you may launch"]})
        if found is None and is_taken(form.name):
            raise ValidationError({"name": ["is taken by another schedule"]})
        kept = found.name if found is not None else None
        saved = save_schedule(fields, name=kept, by=by, via="page")
    except ValidationError as error:
        form.refuse(error)
        return _form(request, form, found, status=422)
    messages.success(request, f"Schedule {saved.name} is saved.")
    return redirect("schedule", saved.name)


def _form(
    request: HttpRequest, form: ScheduleForm, found: Schedule | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "schedule": found,
        "agents": agents_to_launch(current_user(request)),
        "versions": versions_of(form.agent),
        "overlaps": Overlap.choices,
        "placeholders": PLACEHOLDERS,
        "zones": _zones(),
    }
    return render(request, "workflows/schedules/form.html", context, status=status)


def _zones() -> list[tuple[str, str]]:
    """The zones there are, each with the old names under which a browser may know it."""
    olds: dict[str, list[str]] = defaultdict(list)
    for old, name in old_names().items():
        olds[name].append(old)
    return [(name, " ".join(sorted(olds[name]))) for name in sorted(canonical_names())]
