"""The emergency stop: placed and released, each with a reason and a record."""

from __future__ import annotations

import pytest

from approvals.models import AuditEntry
from timestep.errors import HoldNotFound, InvalidInput
from timestep.models import Hold
from timestep.services import holds
from timestep.services.audit import Actor

pytestmark = pytest.mark.django_db
ANA, BEN = Actor("ana", "page"), Actor("ben", "admin")


def test_a_hold_is_placed_once_and_released_once() -> None:
    first = holds.place("tool", " refund ", by=ANA, why="it pays twice")
    again = holds.place("tool", "refund", by=BEN, why="other")
    assert (again.pk, again.placed_by, again.placed_why) == (first.pk, "ana", "it pays twice")
    assert [hold.name for hold in holds.active()] == ["refund"]
    for why in ("mended", "again"):
        released = holds.release(first.pk, by=BEN, why=why)
        assert (released.released_by, released.released_why) == ("ben", "mended")
    assert holds.active() == []
    told = AuditEntry.objects.order_by("number").values_list("act", "subject", "actor", "payload")
    assert list(told) == [
        ("hold.place", "hold:tool:refund", "ana", {"why": "it pays twice"}),
        ("hold.release", "hold:tool:refund", "ben", {"why": "mended", "placed_by": "ana"}),
    ]


def test_what_was_released_can_be_held_again() -> None:
    first = holds.place("everything", "", by=ANA, why="drill")
    holds.release(first.pk, by=ANA, why="over")
    assert holds.place("everything", "", by=ANA, why="no drill").pk != first.pk


@pytest.mark.parametrize(
    ("kind", "name", "why", "field"),
    [
        ("tools", "refund", "x", "kind"),
        ("tool", " ", "x", "name"),
        ("agent", "a" * 101, "x", "name"),
        ("everything", "refund", "x", "name"),
        ("tool", "refund", " ", "why"),
        ("tool", "refund", "x" * 301, "why"),
    ],
)
def test_what_cannot_be_used_holds_nothing(kind: str, name: str, why: str, field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        holds.place(kind, name, by=ANA, why=why)
    assert raised.value.field == field
    assert (Hold.objects.count(), AuditEntry.objects.count()) == (0, 0)


def test_a_release_needs_a_hold_and_a_reason() -> None:
    placed = holds.place("agent", "desk", by=ANA, why="x")
    with pytest.raises(HoldNotFound):
        holds.release(placed.pk + 1, by=ANA, why="x")
    with pytest.raises(InvalidInput, match="why"):
        holds.release(placed.pk, by=ANA, why="")
    assert len(holds.active()) == 1
