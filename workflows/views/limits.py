"""Model limits: what is used of each, and changing them."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from timestep.access import PageRequest, needs
from timestep.confirming import Step
from timestep.errors import InvalidInput, ModelLimitNotFound
from timestep.services import limits as service
from workflows.selectors.limits import get_limit, limit_lines
from workflows.views.acts import actor, done
from workflows.views.limit_forms import LimitForm

_OPERATE = "timestep.operate_modellimit"


@require_safe
@vary_on_headers("HX-Request")
@needs("timestep.view_modellimit")
def limits(request: PageRequest) -> HttpResponse:
    """All limits; the same address answers the page, or its list alone to htmx."""
    template = "workflows/limits/_list.html" if request.htmx else "workflows/limits/list.html"
    return render(request, template, {"lines": limit_lines(), "form": LimitForm()})


@require_POST
@needs(_OPERATE)
def new(request: PageRequest) -> HttpResponse:
    """Limit a model, or all that begin with a prefix."""
    form = LimitForm.sent(request.POST)
    try:
        made = service.create(form.pattern, *form.figures(), by=actor(request))
    except InvalidInput as error:
        form.errors = {error.field: error.message}
        context = {"lines": limit_lines(), "form": form}
        return render(request, "workflows/limits/list.html", context, status=422)
    messages.success(request, f"{made.pattern} is limited; every worker knows within two seconds.")
    return redirect("limits")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(_OPERATE)
def change(request: PageRequest) -> HttpResponse:
    """The form of one limit, named in the query; a POST changes what it allows."""
    try:
        limit = get_limit(request.GET.get("pattern", ""))
        if request.method != "POST":
            return render(request, "workflows/limits/page.html", {"form": LimitForm.of(limit)})
        form = LimitForm.sent(request.POST)
        form.pattern = limit.pattern
        service.change(limit.pattern, *form.figures(), by=actor(request))
    except ModelLimitNotFound as error:
        raise Http404(str(error)) from error
    except InvalidInput as error:
        form.errors = {error.field: error.message}
        return render(request, "workflows/limits/page.html", {"form": form}, status=422)
    messages.success(request, f"The limit for {limit.pattern} is changed.")
    return redirect("limits")


@require_POST
@needs(_OPERATE)
def delete(request: PageRequest) -> HttpResponse:
    """Lift a limit; what waits for it goes on."""
    pattern = request.POST.get("pattern", "")
    try:
        found = get_limit(pattern)
    except ModelLimitNotFound as error:
        raise Http404(str(error)) from error
    act = partial(service.delete, found.pattern, by=actor(request))
    said = f"{found.pattern} is not limited any more."
    back = reverse("limits")
    first = Step(f"Lift the limit for {found.pattern}: calls that wait for it go on.", "Lift", back)
    return done(request, act, said=said, back=back, first=first)
