"""Holds: the emergency stop. What a hold names makes no model call and no tool call."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from timestep.errors import HoldNotFound, InvalidInput
from timestep.models import Hold, HoldKind
from timestep.notify import notify_dispatch
from timestep.services import audit
from timestep.services.audit import Actor
from timestep.services.reasons import checked_reason
from timestep.storable import storable_text

_MAX_NAME = 100


@transaction.atomic
def place(kind: str, name: str, *, by: Actor, why: str) -> Hold:
    """Hold everything, one agent or one tool, on every worker, until the hold is released.

    What is held already stays so under its first hold, which is returned.

    Args:
        kind: `everything`, `agent` or `tool`.
        name: The agent's slug or the tool's name; empty for everything.
        by: Who places it.
        why: The reason, which everybody sees while it lasts.

    Returns:
        The hold that is active now.

    Raises:
        InvalidInput: The kind, the name or the reason cannot be used; `field` names it.
    """
    name, why = _checked_name(kind, name), checked_reason("why", why)
    placed = {"placed_by": by.name[:200], "placed_why": why}
    unreleased = {"kind": kind, "name": name, "released_at": None}
    hold, made = Hold.objects.get_or_create(**unreleased, defaults=placed)
    if made:
        audit.record(by, "hold.place", _subject(hold), why=why)
        notify_dispatch()
    return hold


@transaction.atomic
def release(hold_id: int, *, by: Actor, why: str) -> Hold:
    """Let go on by itself what a hold stopped; one that was released stays as it is.

    Args:
        hold_id: The hold.
        by: Who releases it.
        why: The reason.

    Returns:
        The released hold.

    Raises:
        HoldNotFound: There is no such hold.
        InvalidInput: The reason is empty or too long.
    """
    why = checked_reason("why", why)
    hold = Hold.objects.select_for_update().filter(pk=hold_id).first()
    if hold is None:
        raise HoldNotFound(hold_id)
    if hold.released_at is None:
        hold.released_at, hold.released_by = timezone.now(), by.name[:200]
        hold.released_why = why
        hold.save(update_fields=["released_at", "released_by", "released_why"])
        audit.record(by, "hold.release", _subject(hold), why=why, placed_by=hold.placed_by)
        notify_dispatch()
    return hold


def active() -> list[Hold]:
    """The holds that are not released, latest first."""
    return list(Hold.objects.filter(released_at__isnull=True))


def _checked_name(kind: str, name: str) -> str:
    if kind not in HoldKind.values:
        raise InvalidInput("kind", f"use one of {', '.join(HoldKind.values)}")
    kept = storable_text(name).strip() if isinstance(name, str) else ""
    if kind == HoldKind.EVERYTHING:
        if kept:
            raise InvalidInput("name", "leave it empty: everything is held")
    elif not 1 <= len(kept) <= _MAX_NAME:
        raise InvalidInput("name", f"name the {kind}, in at most {_MAX_NAME} characters")
    return kept


def _subject(hold: Hold) -> str:
    return f"hold:{hold.kind}:{hold.name}" if hold.name else f"hold:{hold.kind}"
