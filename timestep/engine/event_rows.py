"""Writing a batch of events: numbered, inserted and told of at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from timestep.notify import EVENTS_CHANNEL, event_messages
from timestep.storable import storable

if TYPE_CHECKING:
    from timestep.engine.writer import PendingEvent

RunKey = tuple[str, int]
Batch = Mapping[RunKey, Sequence["PendingEvent"]]

# All of a batch in one statement and so in one round trip: programs wait for it at their runs'
# ends. An event that is there already adds nothing. What tells the listeners stands where it is
# evaluated once, and only if something was written.
_ON_POSTGRES = """
WITH wanted AS (
  SELECT * FROM unnest(%s::text[], %s::int[], %s::int[]) AS wanted(run_id, epoch, n)
), taken AS (
  UPDATE timestep_run AS run SET last_seq = run.last_seq + wanted.n FROM wanted
  WHERE run.run_id = wanted.run_id AND run.epoch = wanted.epoch
  RETURNING run.run_id, run.epoch, run.last_seq - wanted.n AS before
), written AS (
  INSERT INTO timestep_runevent (run_id, seq, step, attempt, kind, payload, at)
  SELECT run_id, before + place, step, attempt, kind, payload, at
  FROM unnest(%s::text[], %s::int[], %s::int[], %s::text[], %s::int[], %s::text[], %s::jsonb[],
              %s::timestamptz[])
       AS event(run_id, epoch, place, step, attempt, kind, payload, at)
       JOIN taken USING (run_id, epoch)
  ORDER BY run_id, place ON CONFLICT DO NOTHING
)
SELECT run_id, epoch,
       (SELECT count(pg_notify(%s, message)) FROM unnest(%s::text[]) AS message)
FROM taken
"""
_TAKE_NUMBERS = (
    "UPDATE timestep_run SET last_seq = last_seq + %s"
    " WHERE run_id = %s AND epoch = %s RETURNING last_seq"
)
_INSERT = (
    "INSERT INTO timestep_runevent (run_id, seq, step, attempt, kind, payload, at)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
)


def write_events(batch: Batch) -> set[RunKey]:
    """Write events in their order, under consecutive numbers of their runs: all or nothing.

    Args:
        batch: The events by (run id, epoch).

    Returns:
        The keys whose runs still have the epoch. Of the others nothing is written: another worker
        has the run.
    """
    if not batch:
        return set()
    return _on_postgres(batch) if connection.vendor == "postgresql" else _on_sqlite(batch)


def _on_postgres(batch: Batch) -> set[RunKey]:
    runs = list(zip(*((*key, len(events)) for key, events in batch.items()), strict=True))
    columns = list(zip(*_rows(batch), strict=True))
    messages = list(event_messages({run_id for run_id, _ in batch}))
    values: list[Any] = [*map(list, runs), *map(list, columns), EVENTS_CHANNEL, messages]
    with connection.cursor() as cursor:
        cursor.execute(_ON_POSTGRES, values)
        return {(run_id, epoch) for run_id, epoch, _ in cursor.fetchall()}


def _rows(batch: Batch) -> Iterator[tuple[Any, ...]]:
    for (run_id, epoch), events in batch.items():
        for place, event in enumerate(events, 1):
            payload = json.dumps(storable(event.payload))
            yield run_id, epoch, place, event.step, event.attempt, event.kind, payload, event.at


@transaction.atomic
def _on_sqlite(batch: Batch) -> set[RunKey]:
    kept_as = connection.ops.adapt_datetimefield_value
    befores: dict[RunKey, int] = {}
    with connection.cursor() as cursor:
        for key, events in batch.items():
            cursor.execute(_TAKE_NUMBERS, [len(events), *key])
            if row := cursor.fetchone():
                befores[key] = row[0] - len(events)
        rows = [
            (run_id, befores[run_id, epoch] + place, *fields, kept_as(at))
            for run_id, epoch, place, *fields, at in _rows(batch)
            if (run_id, epoch) in befores
        ]
        cursor.executemany(_INSERT, rows)
    return set(befores)
