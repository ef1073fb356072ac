"""The emergency stop: what is held, holding more, and releasing it."""

from __future__ import annotations

from functools import partial

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from approvals.access import sight_of
from timestep.access import PageRequest, needs
from timestep.confirming import Step
from timestep.models import HoldKind
from timestep.services import holds
from workflows.selectors.holds import hold_seen, holds_seen, released_lately, stoppable
from workflows.views.acts import actor, done

_OPERATE = "timestep.operate_hold"


@require_safe
@vary_on_headers("HX-Request")
@needs("timestep.view_hold")
def stop(request: PageRequest) -> HttpResponse:
    """What is held now, by whom and why; the form to hold more; and what was held before."""
    sight = sight_of(request.user)
    context: dict[str, object] = {"holds": holds_seen(sight), "earlier": released_lately(sight)}
    if request.htmx:
        return render(request, "workflows/holds/_list.html", context)
    context |= {"kinds": HoldKind.choices, "stoppable": stoppable(sight), "asked": request.GET}
    return render(request, "workflows/holds/page.html", context)


@require_safe
@login_required
def banner(request: PageRequest) -> HttpResponse:
    """The bar that every page shows while something is held."""
    return render(request, "workflows/holds/_banner.html")


@require_POST
@needs(_OPERATE)
def place(request: PageRequest) -> HttpResponse:
    """Hold everything, one agent or one tool."""
    kind = request.POST.get("kind", "")
    named = request.POST.get(kind, "") if kind in (HoldKind.AGENT, HoldKind.TOOL) else ""
    name, why = named.strip(), request.POST.get("why", "")
    if kind == HoldKind.AGENT and not sight_of(request.user).sees(name):
        raise Http404(f"no agent {name!r} is seen")
    what = name or "everything"
    act = f"Hold {what}: it makes no model call and no tool call until it is released."
    return done(
        request,
        partial(holds.place, kind, name, by=actor(request), why=why),
        said=f"Held: {what}. It is in force on every worker within two seconds.",
        back=reverse("stop"),
        first=Step(act, "Stop", reverse("stop"), [("Reason", why)]),
    )


@require_POST
@needs(_OPERATE)
def release(request: PageRequest, hold_id: int) -> HttpResponse:
    """Let go on what a hold stopped."""
    hold = hold_seen(hold_id, sight_of(request.user))
    if hold is None:
        raise Http404(f"there is no hold {hold_id}")
    what, why = hold.name or "everything", request.POST.get("why", "")
    act = f"Release {what}: what waited goes on by itself."
    return done(
        request,
        partial(holds.release, hold_id, by=actor(request), why=why),
        said=f"Released: {what}. What waited goes on by itself.",
        back=reverse("stop"),
        first=Step(act, "Release", reverse("stop"), [("Reason", why)]),
    )
