"""Moving runs that wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from approvals.models import AuditEntry
from tests.engine.unit.rows import queue
from tests.services.rows import launched, standing
from timestep.errors import InvalidInput, QueueNotFound, RunNotFound, WrongStatus
from timestep.models import Run, RunEvent, RunStatus, Segment, SegmentKind, SegmentState
from timestep.services.audit import Actor
from timestep.services.moving import move_to_queue, set_priority

pytestmark = pytest.mark.django_db
ANA = Actor("ana", "page")
MOVES: list[Callable[[str], Run]] = [
    lambda run_id: set_priority(run_id, 3, by=ANA),
    lambda run_id: move_to_queue(run_id, "other", by=ANA),
]
both = pytest.mark.parametrize("move", MOVES, ids=["priority", "queue"])


def _events() -> list[tuple[str, dict[str, Any]]]:
    moved = RunEvent.objects.filter(kind__in=["run.priority", "run.queue"])
    return list(moved.values_list("kind", "payload"))


def test_a_waiting_run_is_moved_and_everybody_can_see_by_whom() -> None:
    queue("other")
    launched("r", queue="default")
    for move in MOVES * 2:
        move("r")
    run = Run.objects.get()
    assert (run.priority, run.queue) == (3, "other")
    assert _events() == [
        ("run.priority", {"from": None, "to": 3, "by": "ana"}),
        ("run.queue", {"from": "default", "to": "other", "by": "ana"}),
    ]
    kept = AuditEntry.objects.order_by("number").values_list("act", "subject", "actor")
    assert list(kept) == [("run.priority", "run:r", "ana"), ("run.queue", "run:r", "ana")]


@both
@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.AWAITING_APPROVAL, "failed"])
def test_what_does_not_wait_is_left_alone(move: Callable[[str], Run], status: RunStatus) -> None:
    queue("other")
    standing("r", RunStatus(status))
    with pytest.raises(WrongStatus, match="only queued runs that"):
        move("r")
    run = Run.objects.get()
    assert (run.priority, run.queue, _events()) == (None, "default", [])


@both
def test_what_a_worker_has_counts_where_it_began(move: Callable[[str], Run]) -> None:
    queue("other")
    launched("r")
    Segment.objects.update(state=SegmentState.DISPATCHED)
    with pytest.raises(WrongStatus, match="begun already"):
        move("r")


@pytest.mark.parametrize("kind", [SegmentKind.RESUME, SegmentKind.CONTINUE], ids=str)
def test_what_waits_to_go_on_gets_another_turn_but_no_other_queue(kind: SegmentKind) -> None:
    queue("other")
    launched("r")
    Segment.objects.update(kind=kind)
    with pytest.raises(WrongStatus, match="begun already"):
        move_to_queue("r", "other", by=ANA)
    assert set_priority("r", 1, by=ANA).priority == 1


@both
def test_a_run_that_is_not_there_is_not_moved(move: Callable[[str], Run]) -> None:
    queue("other")
    with pytest.raises(RunNotFound):
        move("nobody")


def test_what_is_no_place_to_wait_in_is_refused() -> None:
    launched("r")
    with pytest.raises(QueueNotFound):
        move_to_queue("r", "nowhere", by=ANA)
    for name in ("direct", "not a name", ""):
        with pytest.raises(InvalidInput, match="queue"):
            move_to_queue("r", name, by=ANA)
    for priority in (0, -1, True, 2**31):
        with pytest.raises(InvalidInput, match="priority"):
            set_priority("r", priority, by=ANA)
    assert _events() == []
