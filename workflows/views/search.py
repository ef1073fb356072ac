"""Search: any id that is pasted is found."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from approvals.access import sight_of
from workflows.selectors.finding import find


@require_safe
@login_required
def search(request: HttpRequest) -> HttpResponse:
    """Go to the one thing with this id, or offer what is near."""
    query = request.GET.get("q", "").strip()[:200]
    found = find(query, sight_of(request.user), request.user.has_perm)
    if len(found) == 1 and found[0].exact:
        return redirect(found[0].url)
    context = {"search_query": query, "found": found}
    return render(request, "workflows/search.html", context)
