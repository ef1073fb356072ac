"""What a program begins by itself, and what it leaves to the dispatcher."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.rows import launched
from timestep.engine.direct import take
from timestep.models import DIRECT_QUEUE, Segment, SegmentState

OWN = {"queue": DIRECT_QUEUE, "reserved_for": "p-1"}


@pytest.mark.django_db
def test_a_run_of_its_own_is_taken_until_it_has_begun() -> None:
    run = launched(**OWN)
    assert [take(run.run_id, "p-1"), take(run.run_id, "p-1")] == [True, True]
    segment = Segment.objects.get(run=run)
    assert (segment.state, segment.worker) == (SegmentState.DISPATCHED, "p-1")
    assert segment.dispatched_at is not None
    Segment.objects.update(state=SegmentState.RUNNING)
    assert not take(run.run_id, "p-1")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other",
    [
        {"reserved_for": "p-2"},
        {"reserved_for": None},
        {"queue": "default"},
        {"session_id": "a talk that may be busy"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_anything_else_is_left_to_the_dispatcher(other: dict[str, Any]) -> None:
    run = launched(**OWN | other)
    assert not take(run.run_id, "p-1")
    assert Segment.objects.get(run=run).state == SegmentState.READY
