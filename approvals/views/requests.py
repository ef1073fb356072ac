"""The inbox, and the plain page of one request. Reading never decides."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from approvals.access import may_with_run
from approvals.errors import RequestNotFound
from approvals.models import ApprovalRequest
from approvals.policies.people import Decider, deciders
from approvals.selectors.acts import newest_act
from approvals.selectors.cards import Card, cards_of
from approvals.selectors.inbox import AGES, Inbox, InboxFilters, InboxPage, get_seen
from approvals.selectors.so_far import so_far
from approvals.templatetags.approval_cards import counts_in_words
from timestep.access import PageRequest
from timestep.errors import InvalidInput

PEOPLE = 200
PLACES = ("list", "run", "page")


@require_safe
@login_required
def approvals(request: PageRequest) -> HttpResponse:
    """What waits for the person, nearest deadline first; all that waits; what was decided."""
    seq, error = newest_act(), None
    try:
        inbox = Inbox(person(request), InboxFilters.from_query(request.GET))
        page = inbox.page(after=request.GET.get("after", "").replace("\x00", "")[:64])
    except InvalidInput as problem:
        error, inbox, page = problem, Inbox(person(request)), InboxPage([])
    context = {
        "inbox": inbox,
        "filters": inbox.filters,
        "cards": cards_of(page.rows, inbox.decider),
        "next": page.next,
        "deep": bool(request.GET.get("after")),
        "query": urlencode(inbox.filters.as_query()),
        "ages": [(value, words) for value, (words, _) in AGES.items()],
        "seq": seq,
        "error": error,
    }
    return render(request, "approvals/list.html", context, status=400 if error else 200)


@require_safe
@login_required
def waiting_count(request: PageRequest) -> HttpResponse:
    """How many requests wait for the person, for open pages; with `all`, how many at all."""
    counts = counts_in_words(person(request))
    return JsonResponse(counts if "all" in request.GET else {"count": counts["count"]})


@require_safe
@vary_on_headers("HX-Request")
@login_required
def approval(request: PageRequest, approval_id: str) -> HttpResponse:
    """One request: a page of its own, or its card alone to htmx.

    `live` asks for the card only where it belongs to the list with the filters beside it.
    """
    seq = newest_act()
    asked = load(request, approval_id)
    if "live" in request.GET and not _is_listed(request, asked):
        return HttpResponse(status=204)
    whole = request.GET.get("all") == "1"
    context = card_context(request, asked, request.GET.get("in", ""), whole=whole) | {"seq": seq}
    return render(
        request, "approvals/_card.html" if request.htmx else "approvals/page.html", context
    )


@require_safe
@login_required
def run_so_far(request: PageRequest, approval_id: str) -> HttpResponse:
    """What the run did before it asked, for a card that somebody opens; the page has it at once."""
    asked = load(request, approval_id)
    if not request.htmx:
        return redirect("approval", approval_id)
    if not may_with_run(person(request), "see", asked.run):
        raise Http404("you see this request, and not its run")
    context = {"asked": asked, "so_far": so_far(asked)}
    return render(request, "approvals/card/_steps.html", context)


def _is_listed(request: PageRequest, asked: ApprovalRequest) -> bool:
    """Whether a request belongs to the list of the query; one that waits no more always does."""
    try:
        filters = InboxFilters.from_query(request.GET)
    except InvalidInput:
        return False
    return not asked.is_pending or Inbox(person(request), filters).holds(asked.approval_id)


def card_context(
    request: PageRequest, asked: ApprovalRequest, place: str, *, whole: bool = False
) -> dict[str, object]:
    """What the card of one request needs, and the page around it."""
    user = person(request)
    where = place if place in PLACES and request.htmx else "page"
    (card,) = cards_of([asked], Decider(user), whole=whole or where == "page")
    context: dict[str, object] = {"card": card, "asked": asked, "where": where}
    if request.htmx:
        return context
    people = deciders(asked).exclude(pk=user.pk)[:PEOPLE] if card.may else ()
    steps = so_far(asked) if card.sees_run else None
    return context | {"next": _next(user, card), "people": people, "so_far": steps}


def _next(user: User, card: Card) -> Card | None:
    """What waits for the person besides this."""
    inbox = Inbox(user)
    rows = [row for row in inbox.page(limit=2).rows if row.approval_id != card.asked.approval_id]
    return cards_of(rows[:1], inbox.decider)[0] if rows else None


def load(request: PageRequest, approval_id: str) -> ApprovalRequest:
    """The request, if the person sees it, or a 404 page."""
    try:
        return get_seen(person(request), approval_id)
    except RequestNotFound as error:
        raise Http404(str(error)) from error


def person(request: PageRequest) -> User:
    """Who is signed in; these views let nobody else in."""
    if not isinstance(request.user, User):
        raise TypeError("this view needs a signed-in user")
    return request.user
