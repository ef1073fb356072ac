"""Workers: who executes, what each does, and draining one."""

from __future__ import annotations

from functools import partial

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from approvals.access import sight_of
from timestep.access import PageRequest, needs
from timestep.confirming import Step
from timestep.errors import WorkerNotFound
from timestep.models import Worker
from timestep.services.workers import drain as drain_service
from timestep.services.workers import undrain as undrain_service
from workflows.selectors.versions import version_lines
from workflows.selectors.worker_lines import get_worker, worker_lines, worker_page
from workflows.views.acts import actor, back_to, done

_DRAIN = "timestep.drain_worker"


@require_safe
@vary_on_headers("HX-Request")
@needs("timestep.view_worker")
def workers(request: PageRequest) -> HttpResponse:
    """Who is alive, who ended lately, and the versions of what is under way."""
    template = "workflows/workers/_list.html" if request.htmx else "workflows/workers/list.html"
    alive, ended = worker_lines()
    context = {"alive": alive, "ended": ended, "versions": version_lines()}
    return render(request, template, context)


@require_safe
@vary_on_headers("HX-Request")
@needs("timestep.view_worker")
def worker(request: PageRequest, worker_id: str) -> HttpResponse:
    """One worker, and what it executes."""
    page = worker_page(_load(worker_id), sight_of(request.user))
    template = "workflows/workers/_live.html" if request.htmx else "workflows/workers/page.html"
    return render(request, template, {"page": page, "line": page.line})


def _load(worker_id: str) -> Worker:
    """The worker, or a 404 page."""
    try:
        return get_worker(worker_id)
    except WorkerNotFound as error:
        raise Http404(str(error)) from error


@require_POST
@needs(_DRAIN)
def drain(request: PageRequest, worker_id: str) -> HttpResponse:
    """Let a worker finish what it has, and take nothing new."""
    _load(worker_id)
    back = back_to(request, reverse("worker", args=[worker_id]))
    act = f"Drain the worker {worker_id}: it finishes what it has, and takes nothing new."
    return done(
        request,
        partial(drain_service, worker_id, by=actor(request)),
        said=f"{worker_id} drains: it finishes what it has and takes nothing new.",
        back=back,
        first=Step(act, "Drain", back),
    )


@require_POST
@needs(_DRAIN)
def undrain(request: PageRequest, worker_id: str) -> HttpResponse:
    """Let a worker that drains take work again."""
    _load(worker_id)
    return done(
        request,
        partial(undrain_service, worker_id, by=actor(request)),
        said=f"{worker_id} takes work again.",
        back=back_to(request, reverse("worker", args=[worker_id])),
    )
