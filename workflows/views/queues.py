"""Queues: the list, and the page of one."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from approvals.access import sight_of
from timestep.access import PageRequest, needs
from timestep.errors import QueueNotFound
from timestep.models import Queue
from workflows.selectors.queues import (
    get_queue,
    places_taken,
    queue_lines,
    queue_names,
    running_of,
    waiting_in,
)
from workflows.selectors.throughput import last_hour, rate_window
from workflows.selectors.workers import unserved
from workflows.views.queue_forms import LimitsForm


@require_safe
@vary_on_headers("HX-Request")
@needs("timestep.view_queue")
def queues(request: PageRequest) -> HttpResponse:
    """All queues; the same address answers the page, or its list alone to htmx."""
    template = "workflows/queues/_list.html" if request.htmx else "workflows/queues/list.html"
    return render(request, template, {"lines": queue_lines(), "form": LimitsForm()})


@require_safe
@vary_on_headers("HX-Request")
@needs("timestep.view_queue")
def queue(request: PageRequest, name: str) -> HttpResponse:
    """One queue: what waits, what runs, its window and its limits; to htmx without the forms."""
    found = load_queue(name)
    if request.htmx:
        return render(request, "workflows/queues/_live.html", queue_context(request, found))
    return page(request, found, LimitsForm.of(found))


def load_queue(name: str) -> Queue:
    """The queue, or a 404 page."""
    try:
        return get_queue(name)
    except QueueNotFound as error:
        raise Http404(str(error)) from error


def page(
    request: PageRequest, found: Queue, form: LimitsForm, *, status: int = 200
) -> HttpResponse:
    """The page of a queue, with its form as it is or as it was typed."""
    context = queue_context(request, found) | {"form": form}
    return render(request, "workflows/queues/page.html", context, status=status)


def queue_context(request: PageRequest, found: Queue) -> dict[str, Any]:
    """What changes on the page while people look at it."""
    sight = sight_of(request.user)
    return {
        "queue": found,
        "waiting": waiting_in(found.name, sight),
        "running": running_of(found.name, sight),
        "places": places_taken(found),
        "window": rate_window(found),
        "chart": last_hour(found.name),
        "queues": queue_names(),
        "unserved": bool(unserved([found.name])),
    }
