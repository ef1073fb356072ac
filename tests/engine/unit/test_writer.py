"""The event writer: batches, order, lost epochs, folding, and a database that fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError

from tests.services.rows import launched
from timestep.engine import event_rows
from timestep.engine import writer as module
from timestep.engine.writer import EventWriter, PendingEvent
from timestep.models import DELTA_KIND, Run, RunEvent

pytestmark = pytest.mark.django_db(transaction=True)

Lost = list[tuple[str, int]]


@pytest.fixture
def lost() -> Lost:
    return []


@pytest.fixture
def writer(lost: Lost) -> Iterator[EventWriter]:
    """Not started: what is emitted before is one batch."""
    made = EventWriter(lambda run_id, epoch: lost.append((run_id, epoch)))
    yield made
    if made._thread.ident is not None:
        made.stop()


def _event(kind: str, run_id: str = "r", *, epoch: int = 0, **fields: Any) -> PendingEvent:
    return PendingEvent(run_id, epoch, kind, fields.pop("payload", {}), **fields)


def _delta(text: str, step: str = "0.1", **fields: Any) -> PendingEvent:
    return _event(DELTA_KIND, payload={"text": text}, step=step, **fields)


def _written(run_id: str = "r") -> list[tuple[int, str]]:
    """Sequence number and kind of all events but the launch's."""
    rows = RunEvent.objects.filter(run_id=run_id, seq__gt=1)
    return list(rows.values_list("seq", "kind"))


def _start(writer: EventWriter) -> None:
    writer.start()
    writer.flush().result(10)


def _soon(look: Callable[[], bool], within: float = 5.0) -> bool:
    deadline = time.monotonic() + within
    while not look() and time.monotonic() < deadline:
        time.sleep(0.02)
    return look()


def test_events_are_numbered_after_those_that_are_there(writer: EventWriter, lost: Lost) -> None:
    launched("r")
    for kind in ("model.started", "handoff", "status"):
        writer.emit(_event(kind, payload={"said": kind}))
    _start(writer)
    assert _written() == [(2, "model.started"), (3, "handoff"), (4, "status")]
    assert RunEvent.objects.get(seq=3).payload == {"said": "handoff"}
    assert Run.objects.get().last_seq == 4
    assert lost == []


def test_what_comes_together_is_one_batch(
    writer: EventWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched("a")
    launched("b")
    batches: list[dict[tuple[str, int], int]] = []

    def write(batch: event_rows.Batch) -> set[tuple[str, int]]:
        batches.append({key: len(events) for key, events in batch.items()})
        return event_rows.write_events(batch)

    monkeypatch.setattr(module, "write_events", write)
    for n in range(100):
        writer.emit(_event("status", "ab"[n % 2], payload={"n": n}))
    _start(writer)
    assert batches == [{("a", 0): 50, ("b", 0): 50}]
    assert [e.payload["n"] for e in RunEvent.objects.filter(run="b", seq__gt=1)] == list(
        range(1, 100, 2)
    )


def test_deltas_that_go_on_are_one_row(writer: EventWriter) -> None:
    launched("r")
    for event in (
        _delta("a"),
        _delta("b"),
        _delta("c", step="0.2"),
        _delta("d"),
        _delta("e", attempt=1),
        _event("tool.started", step="0.3"),
        _delta("f", attempt=1),
        _delta("g", attempt=1),
    ):
        writer.emit(event)
    _start(writer)
    rows = RunEvent.objects.filter(seq__gt=1)
    assert [row.payload.get("text") for row in rows] == ["ab", "c", "d", "e", None, "fg"]
    assert Run.objects.get().last_seq == 7


def test_many_threads_lose_nothing_and_keep_their_order(writer: EventWriter) -> None:
    launched("r")
    writer.start()

    def emit(name: int) -> None:
        for n in range(50):
            writer.emit(_event("status", payload={"of": name, "n": n}))

    threads = [threading.Thread(target=emit, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.flush().result(10)
    rows = list(RunEvent.objects.filter(seq__gt=1))
    assert [row.seq for row in rows] == list(range(2, 402))
    for name in range(8):
        assert [r.payload["n"] for r in rows if r.payload["of"] == name] == list(range(50))


def test_an_event_without_a_flush_is_written_within_a_moment(writer: EventWriter) -> None:
    launched("r")
    writer.start()
    writer.emit(_event("status"))
    assert _soon(lambda: _written() == [(2, "status")])


def test_under_a_lost_epoch_nothing_is_written_and_the_loss_is_told(
    writer: EventWriter, lost: Lost
) -> None:
    launched("r")
    launched("mine")
    Run.objects.filter(pk="r").update(epoch=2)
    writer.emit(_event("status", epoch=1))
    writer.emit(_event("handoff", "mine"))
    writer.emit(_delta("x", epoch=1))
    _start(writer)
    assert _written() == []
    assert Run.objects.get(pk="r").last_seq == 1
    assert _written("mine") == [(2, "handoff")]
    assert lost == [("r", 1)]


def test_a_run_that_is_gone_is_lost(writer: EventWriter, lost: Lost) -> None:
    writer.emit(_event("status", "gone", epoch=3))
    _start(writer)
    assert lost == [("gone", 3)]


def test_a_replayed_event_adds_nothing(writer: EventWriter) -> None:
    launched("r")
    for n, attempt in enumerate((1, 1, 2)):
        payload = {"n": n}
        writer.emit(_event("model.finished", step="0.1", attempt=attempt, payload=payload))
    _start(writer)
    assert [e.payload["n"] for e in RunEvent.objects.filter(seq__gt=1)] == [0, 2]


def test_deltas_are_folded_a_moment_after_their_final_event(
    writer: EventWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FOLD_AFTER_SECONDS", 0.5)
    launched("r")
    for event in (_delta("a"), _delta("b", "0.2"), _event("model.finished", step="0.1")):
        writer.emit(event)
    _start(writer)
    assert [kind for _, kind in _written()] == [DELTA_KIND, DELTA_KIND, "model.finished"]
    assert _soon(lambda: len(_written()) == 2)
    assert _written() == [(3, DELTA_KIND), (4, "model.finished")]


def test_of_a_lost_run_nothing_is_folded(
    writer: EventWriter, lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FOLD_AFTER_SECONDS", 0.0)
    run = launched("r")
    Run.objects.update(epoch=2, last_seq=2)
    RunEvent.objects.create(
        run=run, seq=2, kind=DELTA_KIND, step="0.1", attempt=101, payload={}, at=run.created_at
    )
    writer.emit(_event("model.finished", step="0.1", attempt=1, epoch=1))
    _start(writer)
    writer.flush().result(10)
    assert lost == [("r", 1)]
    assert _written() == [(2, DELTA_KIND)]


def test_an_event_that_no_database_takes_is_dropped_alone(writer: EventWriter) -> None:
    launched("r")
    launched("s")
    for n in range(20):
        value = float("nan") if n == 13 else n
        writer.emit(_event("status", "rs"[n % 2], payload={"n": value}))
    _start(writer)
    kept = RunEvent.objects.filter(seq__gt=1)
    assert [e.payload["n"] for e in kept.filter(run="r")] == list(range(0, 20, 2))
    assert [e.payload["n"] for e in kept.filter(run="s")] == [1, 3, 5, 7, 9, 11, 15, 17, 19]


def _failing(real: Callable[..., Any], times: int) -> Callable[..., Any]:
    left = [times]

    def call(*args: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise OperationalError("the database is away")
        return real(*args)

    return call


def test_while_the_database_is_away_it_is_tried_again_in_order(
    writer: EventWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(module, "write_events", _failing(event_rows.write_events, 3))
    launched("r")
    writer.emit(_event("model.started"))
    writer.start()
    first = writer.flush()
    writer.emit(_event("handoff"))
    first.result(10)
    writer.flush().result(10)
    assert _written() == [(2, "model.started"), (3, "handoff")]


def test_a_fold_that_fails_does_not_write_the_batch_again(
    writer: EventWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(writer, "_fold_due", _failing(writer._fold_due, 2))
    launched("r")
    writer.emit(_event("status"))
    _start(writer)
    assert _written() == [(2, "status")]


def test_what_is_pending_at_the_stop_is_written(writer: EventWriter) -> None:
    launched("r")
    writer.start()
    for _ in range(3):
        writer.emit(_event("status"))
    writer.stop()
    assert len(_written()) == 3
    assert not writer._thread.is_alive()


def test_when_too_much_waits_only_deltas_are_dropped(
    writer: EventWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_PENDING_DELTAS", 2)
    launched("r")
    for n in range(4):
        writer.emit(_delta("x", step=f"0.{n}"))
        writer.emit(_event("tool.started", step=f"0.{n}"))
    _start(writer)
    assert [kind for _, kind in _written()] == [DELTA_KIND, *["tool.started"] * 4]
