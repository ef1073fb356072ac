"""What waits for a person, and the plain page of one request. Reading never decides."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from approvals import selectors
from approvals.errors import RequestNotFound
from approvals.models import ApprovalRequest
from timestep.access import PageRequest

PAGE_SIZE = 25
_LISTS = {"waiting": selectors.pending, "decided": selectors.decided}


@require_safe
@login_required
def approvals(request: PageRequest) -> HttpResponse:
    """What waits, oldest first; or what was decided, latest first."""
    which = "decided" if request.GET.get("show") == "decided" else "waiting"
    after = request.GET.get("after", "").replace("\x00", "")[:64] or None
    found = _LISTS[which](PAGE_SIZE + 1, after)
    shown = found[:PAGE_SIZE]
    context = {
        "which": which,
        "asked_list": shown,
        "next": shown[-1].approval_id if len(found) > PAGE_SIZE else None,
        "deep": after is not None,
    }
    return render(request, "approvals/list.html", context)


@require_safe
@vary_on_headers("HX-Request")
@login_required
def approval(request: PageRequest, approval_id: str) -> HttpResponse:
    """One request: a page of its own, or its card alone to htmx."""
    context = {"asked": load(approval_id), "in_run": request.GET.get("in") == "run"}
    template = "approvals/_card.html" if request.htmx else "approvals/page.html"
    return render(request, template, context)


def load(approval_id: str) -> ApprovalRequest:
    """The request, or a 404 page."""
    if "\x00" in approval_id:
        raise Http404("no approval request has this id")
    try:
        return selectors.get(approval_id)
    except RequestNotFound as error:
        raise Http404(str(error)) from error
