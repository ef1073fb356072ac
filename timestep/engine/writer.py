"""The event writer: one thread per worker that commits the events of all its runs in batches."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import (
    DataError,
    Error,
    IntegrityError,
    close_old_connections,
    connection,
)

from timestep.engine.event_rows import write_events
from timestep.models import DELTA_KIND, RunEvent

logger = logging.getLogger(__name__)

BATCH_SECONDS = 0.04
# A step's deltas are folded a moment after its final event, so that a live reader has read them.
FOLD_AFTER_SECONDS = 2.0
_RETRY_SECONDS = 0.5
# Bounds memory while the database is away; deltas are dropped first, durable events never.
_MAX_PENDING_DELTAS = 20_000


@dataclass(frozen=True)
class PendingEvent:
    """An event on its way to the database."""

    run_id: str
    epoch: int
    kind: str
    payload: dict[str, Any]
    step: str = ""
    attempt: int = 0
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class EventWriter:
    """Gathers events and commits them every `BATCH_SECONDS`.

    Args:
        on_lost: Called with (run id, epoch) when a run's row no longer has the epoch that an
            event was written under: another worker has taken the run over.
    """

    def __init__(self, on_lost: Callable[[str, int], None]) -> None:
        self._on_lost = on_lost
        self._pending: list[PendingEvent] = []
        self._flushes: list[Future[None]] = []
        self._folds: list[tuple[float, str, str]] = []
        self._lock = threading.Lock()
        self._arrived = threading.Event()
        self._hurry = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="timestep-events", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is pending and end the thread; waits at most five seconds."""
        self._stopping = True
        self._hurry.set()
        self._arrived.set()
        self._thread.join(timeout=5)

    def emit(self, event: PendingEvent) -> None:
        """Queue an event; from any thread, without waiting."""
        with self._lock:
            if event.kind == DELTA_KIND and len(self._pending) >= _MAX_PENDING_DELTAS:
                return  # The step's final event carries the whole text.
            self._pending.append(event)
            # Only the first of a batch wakes the writer: a wake-up for each token would cost
            # the event loop more than the token.
            first = len(self._pending) == 1
        if first:
            self._arrived.set()

    def flush(self) -> Future[None]:
        """A future that is done once everything emitted so far is committed."""
        done: Future[None] = Future()
        with self._lock:
            self._flushes.append(done)
        self._hurry.set()
        self._arrived.set()
        return done

    def _run(self) -> None:
        while not self._finished():
            batch, flushes = self._next_batch()
            self._write_until_done(batch)
            for done in flushes:
                done.set_result(None)
        connection.close()

    def _finished(self) -> bool:
        with self._lock:
            return self._stopping and not self._pending and not self._flushes

    def _next_batch(self) -> tuple[list[PendingEvent], list[Future[None]]]:
        if self._arrived.wait(timeout=self._seconds_to_next_fold()) and not self._stopping:
            self._hurry.wait(timeout=BATCH_SECONDS)
        with self._lock:
            self._arrived.clear()
            self._hurry.clear()
            batch, self._pending = self._pending, []
            flushes, self._flushes = self._flushes, []
        return batch, flushes

    def _seconds_to_next_fold(self) -> float | None:
        if not self._folds:
            return None
        return max(0.0, self._folds[0][0] - time.monotonic())

    def _write_until_done(self, batch: list[PendingEvent]) -> None:
        """Commit a batch, however long the database is away; the order of events is kept."""
        while True:
            try:
                close_old_connections()
                self._write_storable(batch)
                batch = []  # A fold that fails must not write it again.
                self._fold_due()
                return
            except Error:
                logger.exception("events could not be written; trying again")
                if self._stopping:
                    return
                time.sleep(_RETRY_SECONDS)

    def _write_storable(self, batch: list[PendingEvent]) -> None:
        """Write a batch; an event that the database refuses must not hold up all the others."""
        try:
            self._write(batch)
        except (DataError, IntegrityError):
            if len(batch) == 1:
                logger.exception("event %s of run %s is lost", batch[0].kind, batch[0].run_id)
                return
            middle = len(batch) // 2
            self._write_storable(batch[:middle])
            self._write_storable(batch[middle:])

    def _write(self, batch: list[PendingEvent]) -> None:
        by_run: dict[tuple[str, int], list[PendingEvent]] = defaultdict(list)
        for event in batch:
            _add(by_run[event.run_id, event.epoch], event)
        if not by_run:
            return
        self._after_commit(batch, by_run.keys() - write_events(by_run))

    def _after_commit(self, batch: list[PendingEvent], lost: set[tuple[str, int]]) -> None:
        for run_id, epoch in lost:
            self._on_lost(run_id, epoch)
        due = time.monotonic() + FOLD_AFTER_SECONDS
        self._folds += [
            (due, event.run_id, event.step)
            for event in batch
            if event.kind == "model.finished" and (event.run_id, event.epoch) not in lost
        ]

    def _fold_due(self) -> None:
        now = time.monotonic()
        due = [fold for fold in self._folds if fold[0] <= now]
        for fold in due:
            _, run_id, step = fold
            RunEvent.objects.filter(run_id=run_id, step=step, kind=DELTA_KIND).delete()
        self._folds = self._folds[len(due) :]


def _add(events: list[PendingEvent], event: PendingEvent) -> None:
    """Append an event; a delta that goes on where the last one ended becomes one with it."""
    last = events[-1] if events else None
    if (
        last is not None
        and event.kind == last.kind == DELTA_KIND
        and (event.step, event.attempt) == (last.step, last.attempt)
    ):
        text = last.payload["text"] + event.payload["text"]
        events[-1] = replace(last, payload=last.payload | {"text": text})
    else:
        events.append(event)


def fold_leftovers(older_than_seconds: float = 60.0) -> int:
    """Fold deltas whose writer died before it folded them; returns how many rows went.

    Args:
        older_than_seconds: Younger deltas belong to writers that will fold them themselves.
    """
    before = datetime.now(UTC) - timedelta(seconds=older_than_seconds)
    deltas = RunEvent.objects.filter(kind=DELTA_KIND, at__lt=before)
    finished = RunEvent.objects.filter(kind="model.finished")
    count = 0
    for run_id, step in set(deltas.values_list("run_id", "step")[:10_000]):
        if finished.filter(run_id=run_id, step=step).exists():
            count += deltas.filter(run_id=run_id, step=step).delete()[0]
    return count
