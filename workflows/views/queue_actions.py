"""What operators do to queues and to the runs that wait in them."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from timestep.access import PageRequest, needs
from timestep.confirming import Step
from timestep.errors import InvalidInput
from timestep.services import moving
from timestep.services import queues as service
from workflows.selectors.queues import queue_lines
from workflows.services.queues import delete_queue
from workflows.views.acts import actor, back_to, done
from workflows.views.queue_forms import LimitsForm
from workflows.views.queues import load_queue, page
from workflows.views.run import load

_OPERATE = "timestep.operate_queue"


@require_POST
@needs(_OPERATE)
def new(request: PageRequest) -> HttpResponse:
    """Make a queue with the limits that were typed."""
    form = LimitsForm.sent(request.POST)
    try:
        made = service.create(form.name, form.limits(), by=actor(request))
    except InvalidInput as error:
        # A name is checked as the queue of a launch, and the field here is its name.
        form.errors = {"name" if error.field == "queue" else error.field: error.message}
        context = {"lines": queue_lines(), "form": form}
        return render(request, "workflows/queues/list.html", context, status=422)
    messages.success(request, f"Queue {made.name} was made.")
    return redirect("queue", made.name)


@require_POST
@needs(_OPERATE)
def limits(request: PageRequest, name: str) -> HttpResponse:
    """Change the limits; in force on every worker within two seconds."""
    found, form = load_queue(name), LimitsForm.sent(request.POST)
    try:
        service.set_limits(name, form.limits(), by=actor(request))
    except InvalidInput as error:
        form.errors = {error.field: error.message}
        return page(request, found, form, status=422)
    messages.success(request, f"The limits of {name} are changed; they are in force at once.")
    return redirect("queue", name)


@require_POST
@needs(_OPERATE)
def pause(request: PageRequest, name: str) -> HttpResponse:
    """Let nothing of the queue start, resume or go on."""
    load_queue(name)
    why = request.POST.get("why", "")
    return done(
        request,
        lambda: service.pause(name, by=actor(request), why=why),
        said=f"Queue {name} is paused.",
        back=back_to(request, reverse("queue", args=[name])),
    )


@require_POST
@needs(_OPERATE)
def resume(request: PageRequest, name: str) -> HttpResponse:
    """Let a paused queue go on."""
    load_queue(name)
    return done(
        request,
        lambda: service.unpause(name, by=actor(request)),
        said=f"Queue {name} goes on.",
        back=back_to(request, reverse("queue", args=[name])),
    )


@require_POST
@needs(_OPERATE)
def delete(request: PageRequest, name: str) -> HttpResponse:
    """Delete a queue without work in it."""
    load_queue(name)
    back = reverse("queue", args=[name])
    return done(
        request,
        partial(delete_queue, name, by=actor(request)),
        said=f"Queue {name} is deleted.",
        back=back,
        then=reverse("queues"),
        first=Step(f"Delete the queue {name}.", "Delete", back),
    )


@require_POST
@needs(_OPERATE)
def priority(request: PageRequest, run_id: str) -> HttpResponse:
    """Let a waiting run start earlier or later; an empty priority comes after all others."""
    run = load(request, run_id)
    text = request.POST.get("priority", "").strip()
    return done(
        request,
        lambda: moving.set_priority(run.run_id, _priority(text), by=actor(request)),
        said=f"Run {run.run_id} has {f'the priority {text}' if text else 'no priority'} now.",
        back=back_to(request, reverse("queue", args=[run.queue])),
    )


@require_POST
@needs(_OPERATE)
def move(request: PageRequest, run_id: str) -> HttpResponse:
    """Let a waiting run wait in another queue."""
    run = load(request, run_id)
    to = request.POST.get("queue", "").strip()
    return done(
        request,
        lambda: moving.move_to_queue(run.run_id, to, by=actor(request)),
        said=f"Run {run.run_id} waits in {to} now.",
        back=back_to(request, reverse("queue", args=[run.queue])),
    )


def _priority(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise InvalidInput("priority", "use a whole number from 1, or leave it empty for none")
    return int(text)
