"""The list of runs: filters in the URL, keyset pages."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from approvals.access import sight_of
from timestep.access import PageRequest
from timestep.errors import InvalidInput
from timestep.models import RunStatus
from workflows.selectors.cursors import Page
from workflows.selectors.runs import RunFilters, RunRow, runs_page
from workflows.views.viewer_zone import sent_zone, viewer_zone

_LABELS = {
    "created_from": "Launched from",
    "created_to": "Launched before",
    "finished_from": "Ended from",
    "finished_to": "Ended before",
    "zone": "Time zone",
}
# The filters that a row carries as attributes, so that the page can count new rows that match.
_SEEN_ON_ROWS = ("status", "agent", "queue", "session", "schedule", "launched_by")


@require_safe
@vary_on_headers("HX-Request")
@login_required
def runs(request: PageRequest) -> HttpResponse:
    """One page of runs; the same address answers the page, or its list alone to htmx."""
    filters, page, error = _asked(request)
    if error is None and not request.htmx and (filters.is_local or "zone" in request.GET):
        return _same_for_everybody(request, filters)
    zone = viewer_zone(request)
    context = {
        "page": page,
        "filters": filters,
        "asked": request.GET,
        "times": filters.as_fields(zone) if error is None else request.GET,
        "zone": str(zone),
        "error": error,
        "wrong": _LABELS.get(error.field, "") if error else "",
        "statuses": RunStatus.choices,
        "query": urlencode(filters.as_query()),
        "live_filters": json.dumps(_for_rows(filters)),
        "newest": int(timezone.now().timestamp() * 1000),
        "deep": bool(request.GET.get("after") or request.GET.get("before")),
    }
    template = "workflows/runs/_list.html" if request.htmx else "workflows/runs/page.html"
    return render(request, template, context, status=400 if error else 200)


def _same_for_everybody(request: PageRequest, filters: RunFilters) -> HttpResponse:
    """Lead to the address that means the same moments in every zone, and say what was decided."""
    for note in filters.notes:
        messages.info(request, note)
    cursors = {name: request.GET[name] for name in ("after", "before") if request.GET.get(name)}
    return redirect(reverse("runs", query=filters.as_query() | cursors))


def _asked(request: PageRequest) -> tuple[RunFilters, Page[RunRow], InvalidInput | None]:
    filters = RunFilters()
    try:
        filters = RunFilters.from_query(request.GET, sent_zone(request))
        found = runs_page(
            filters,
            after=request.GET.get("after", ""),
            before=request.GET.get("before", ""),
            sight=sight_of(request.user),
        )
    except InvalidInput as error:
        return filters, Page([]), error
    return filters, found, None


def _for_rows(filters: RunFilters) -> dict[str, str]:
    asked = filters.as_query()
    return {name: asked[name] for name in _SEEN_ON_ROWS if name in asked}
