"""What every page shows of operations: the bar of what is held."""

from __future__ import annotations

from typing import Any

from django import template
from django.contrib.auth.models import AnonymousUser, User

from approvals.access import sight_of
from timestep.models import Hold, HoldKind
from timestep.services.holds import active

register = template.Library()


@register.simple_tag
def holds_for(user: User | AnonymousUser) -> list[Hold]:
    """The active holds that the person sees: one look at an index where nothing is held."""
    if not isinstance(user, User):
        return []
    holds = active()
    if all(hold.kind != HoldKind.AGENT for hold in holds):
        return holds
    sight = sight_of(user)
    return [hold for hold in holds if hold.kind != HoldKind.AGENT or sight.sees(hold.name)]


@register.filter
def held_what(hold: Hold) -> str:
    """What a hold stops, at the beginning of a sentence."""
    return _what(hold.kind, hold.name)


@register.filter
def held_in_event(payload: dict[str, Any]) -> str:
    """The same for the payload of an event."""
    words = _what(str(payload.get("kind", "")), str(payload.get("name", "")))
    return words[:1].lower() + words[1:]


def _what(kind: str, name: str) -> str:
    return "Everything" if kind == HoldKind.EVERYTHING else f"The {kind} {name}"
