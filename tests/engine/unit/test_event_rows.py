"""The statements that number and insert a batch, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.services.rows import launched
from timestep.engine.event_rows import write_events
from timestep.engine.writer import PendingEvent, fold_leftovers
from timestep.models import DELTA_KIND, Run, RunEvent

pytestmark = pytest.mark.django_db

LONG_AGO = datetime.now(UTC) - timedelta(minutes=5)


def _event(run_id: str = "a", kind: str = "status", step: str = "", n: int = 0) -> PendingEvent:
    return PendingEvent(run_id, 0, kind, {"n": n}, step)


def _numbers(run_id: str) -> list[tuple[int, int]]:
    rows = RunEvent.objects.filter(run=run_id, payload__has_key="n")
    return [(row.seq, row.payload["n"]) for row in rows]


def test_each_run_gets_its_own_numbers() -> None:
    launched("a")
    launched("b")
    Run.objects.filter(pk="b").update(last_seq=2**40, epoch=7)
    batch = {("a", 0): [_event(n=n) for n in range(3)], ("b", 7): [_event("b", n=9)]}
    assert write_events(batch) == {("a", 0), ("b", 7)}
    assert _numbers("a") == [(2, 0), (3, 1), (4, 2)]
    assert _numbers("b") == [(2**40 + 1, 9)]
    assert dict(Run.objects.values_list("pk", "last_seq")) == {"a": 4, "b": 2**40 + 1}
    assert write_events({("a", 0): [_event(n=3)]}) == {("a", 0)}
    assert _numbers("a")[-1] == (5, 3)


def test_only_the_epoch_in_force_is_written() -> None:
    launched("a")
    Run.objects.update(epoch=2)
    wanted = {("a", epoch): [_event(n=epoch)] * 2 for epoch in (1, 2, 3)} | {
        ("gone", 0): [_event()]
    }
    assert write_events(wanted) == {("a", 2)}
    assert [write_events({("a", epoch): [_event()]}) for epoch in (1, 3)] == [set(), set()]
    assert _numbers("a") == [(2, 2), (3, 2)]
    assert Run.objects.get().last_seq == 3


def test_nothing_takes_no_numbers() -> None:
    launched("a")
    assert write_events({}) == set()
    assert Run.objects.get().last_seq == 1


def test_texts_are_made_fit_and_times_kept() -> None:
    launched("a")
    event = PendingEvent("a", 0, "tool.finished", {"o": ["x\x00", "\ud800"]}, "0.3", 2, LONG_AGO)
    write_events({("a", 0): [event]})
    row = RunEvent.objects.get(seq=2)
    assert row.payload == {"o": ["x\ufffd", "\ufffd"]}
    assert (row.step, row.attempt, row.kind, row.at) == ("0.3", 2, "tool.finished", LONG_AGO)


def test_a_durable_event_is_kept_once_and_deltas_are_all_kept() -> None:
    launched("a")
    for kind, step in (("tool.started", "0.1"), (DELTA_KIND, "0.1"), ("handoff", "")):
        for n in range(2):
            write_events({("a", 0): [_event("a", kind, step, n)]})
    rows = RunEvent.objects.filter(seq__gt=1)
    assert [(row.kind, row.payload["n"]) for row in rows] == [
        ("tool.started", 0),
        (DELTA_KIND, 0),
        (DELTA_KIND, 1),
        ("handoff", 0),
        ("handoff", 1),
    ]


def test_leftover_deltas_of_finished_steps_go_and_others_stay() -> None:
    launched("a")
    now = datetime.now(UTC)
    deltas = (("0.1", LONG_AGO), ("0.1", LONG_AGO), ("0.1", now), ("0.2", LONG_AGO))
    events = [PendingEvent("a", 0, DELTA_KIND, {"text": "x"}, step, 1, at) for step, at in deltas]
    events.append(PendingEvent("a", 0, "model.finished", {}, "0.1", 1, LONG_AGO))
    write_events({("a", 0): events})
    assert fold_leftovers() == 2
    assert list(RunEvent.objects.filter(seq__gt=1).values_list("seq", flat=True)) == [4, 5, 6]
