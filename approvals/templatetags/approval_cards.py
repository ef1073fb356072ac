"""What every page shows of approvals: the count of what waits, and cards in other apps' pages."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django import template
from django.contrib.auth.models import AnonymousUser, User
from django.template import Context

from approvals.fields import ArgumentField
from approvals.models import ApprovalRequest
from approvals.policies.people import Decider
from approvals.selectors.acts import newest_act
from approvals.selectors.cards import cards_of
from approvals.selectors.inbox import Inbox, InboxFilters, waiting_for
from approvals.typed import PREFIX

register = template.Library()

COUNTED = 100


@register.inclusion_tag("approvals/_card.html", takes_context=True)
def approval_card(context: Context, asked: ApprovalRequest, where: str) -> dict[str, Any]:
    """The card of one request, for the person who looks at the page."""
    (card,) = cards_of([asked], Decider(context["request"].user))
    kept = {name: context.get(name) for name in ("request", "csrf_token")}
    return {**kept, "card": card, "asked": asked, "where": where}


@register.inclusion_tag("approvals/card/_edit_field.html")
def edit_field(
    field: ArgumentField, typed: Mapping[str, str] | None, wrong: str, approval_id: str
) -> dict[str, Any]:
    """The control of one argument, with what was typed before if the form comes back."""
    name = PREFIX + field.name
    text = (typed or {}).get(name, field.typed)
    element = f"edit-{approval_id}-{sha256(field.name.encode()).hexdigest()[:8]}"
    given = {"field": field, "name": name, "text": text, "element": element}
    return {**given, "wrong": wrong == name}


@register.simple_tag
def approvals_waiting(user: User | AnonymousUser, seq: int | str = "") -> dict[str, Any]:
    """How many requests wait for the person, and from which act on the page wants to be told.

    Args:
        user: Who looks.
        seq: The newest act before the page read its requests; without one, the newest now.
    """
    if not isinstance(user, User):
        return {}
    after = seq if isinstance(seq, int) else newest_act()
    return {"seq": after, "count": count_in_words(waiting_for(user, COUNTED))}


@register.simple_tag
def approval_counts(user: User) -> dict[str, Any]:
    """What waits for the person and what waits at all, as the badge of the navigation counts."""
    return counts_in_words(user)


def counts_in_words(user: User) -> dict[str, str]:
    """What pages show, under the names that they have there."""
    every = Inbox(user, InboxFilters(show="all")).count(COUNTED)
    return {"count": count_in_words(waiting_for(user, COUNTED)), "all": count_in_words(every)}


def count_in_words(count: int) -> str:
    """Nothing, the number, or that there are more than are counted."""
    return "" if not count else str(count) if count < COUNTED else f"{COUNTED - 1}+"
