"""The statements that number and insert a batch, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.services.rows import launched
from timestep.engine.event_rows import insert_events, take_sequence_numbers
from timestep.engine.writer import PendingEvent, fold_leftovers
from timestep.models import DELTA_KIND, Run, RunEvent

pytestmark = pytest.mark.django_db

LONG_AGO = datetime.now(UTC) - timedelta(minutes=5)


def test_each_run_gets_its_own_numbers() -> None:
    launched("a")
    launched("b")
    Run.objects.filter(pk="b").update(last_seq=2**40, epoch=7)
    assert take_sequence_numbers({("a", 0): 3, ("b", 7): 1}) == {("a", 0): 2, ("b", 7): 2**40 + 1}
    assert dict(Run.objects.values_list("pk", "last_seq")) == {"a": 4, "b": 2**40 + 1}
    assert take_sequence_numbers({("a", 0): 1}) == {("a", 0): 5}


def test_only_the_epoch_in_force_gets_numbers() -> None:
    launched("a")
    Run.objects.update(epoch=2)
    wanted = {("a", 1): 4, ("a", 2): 2, ("a", 3): 4, ("gone", 0): 1}
    assert take_sequence_numbers(wanted) == {("a", 2): 2}
    assert [take_sequence_numbers({("a", epoch): 4}) for epoch in (1, 3)] == [{}, {}]
    assert Run.objects.get().last_seq == 3


def test_no_runs_need_no_numbers() -> None:
    launched("a")
    assert take_sequence_numbers({}) == {}
    assert Run.objects.get().last_seq == 1


def test_texts_are_made_fit_and_times_kept() -> None:
    launched("a")
    event = PendingEvent("a", 0, "tool.finished", {"o": ["x\x00", "\ud800"]}, "0.3", 2, LONG_AGO)
    insert_events([(event, 2)])
    row = RunEvent.objects.get(seq=2)
    assert row.payload == {"o": ["x\ufffd", "\ufffd"]}
    assert (row.step, row.attempt, row.kind, row.at) == ("0.3", 2, "tool.finished", LONG_AGO)


def test_a_durable_event_is_kept_once_and_deltas_are_all_kept() -> None:
    launched("a")
    seqs = iter(range(2, 20))
    for kind, step in (("tool.started", "0.1"), (DELTA_KIND, "0.1"), ("handoff", "")):
        for n in range(2):
            insert_events([(PendingEvent("a", 0, kind, {"n": n}, step), next(seqs))])
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
    insert_events([(event, seq) for seq, event in enumerate(events, 2)])
    assert fold_leftovers() == 2
    assert list(RunEvent.objects.filter(seq__gt=1).values_list("seq", flat=True)) == [4, 5, 6]
