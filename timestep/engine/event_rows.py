"""The two statements that write a batch of events, in the form that each database does best."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.db import connection

from timestep.models import Run, RunEvent

if TYPE_CHECKING:
    from timestep.engine.writer import PendingEvent

RunKey = tuple[str, int]

_RUN = Run._meta.db_table
_EVENT = RunEvent._meta.db_table
_COLUMNS = "run_id, seq, step, attempt, kind, payload, at"


def take_sequence_numbers(counts: dict[RunKey, int]) -> dict[RunKey, int]:
    """Reserve consecutive `seq` numbers for runs that still have the epoch of the writer.

    Args:
        counts: How many numbers each (run id, epoch) needs.

    Returns:
        The first number for each; a key that is missing has lost its run to another worker.
    """
    # Sorted, so that two workers that write for the same run never lock in opposite orders.
    keys = sorted(counts)
    lasts = _take_on_postgres(keys, counts) if _is_postgres() else _take_one_by_one(keys, counts)
    return {key: last - counts[key] + 1 for key, last in lasts.items()}


def _is_postgres() -> bool:
    return connection.vendor == "postgresql"


def _take_on_postgres(keys: list[RunKey], counts: dict[RunKey, int]) -> dict[RunKey, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_RUN} AS run SET last_seq = run.last_seq + wanted.n"
            " FROM unnest(%s::text[], %s::int[], %s::int[]) AS wanted(run_id, epoch, n)"
            " WHERE run.run_id = wanted.run_id AND run.epoch = wanted.epoch"
            " RETURNING run.run_id, run.epoch, run.last_seq",
            [[key[0] for key in keys], [key[1] for key in keys], [counts[key] for key in keys]],
        )
        return {(run_id, epoch): last for run_id, epoch, last in cursor.fetchall()}


def _take_one_by_one(keys: list[RunKey], counts: dict[RunKey, int]) -> dict[RunKey, int]:
    lasts: dict[RunKey, int] = {}
    with connection.cursor() as cursor:
        for run_id, epoch in keys:
            cursor.execute(
                f"UPDATE {_RUN} SET last_seq = last_seq + %s"
                " WHERE run_id = %s AND epoch = %s RETURNING last_seq",
                [counts[run_id, epoch], run_id, epoch],
            )
            if row := cursor.fetchone():
                lasts[run_id, epoch] = row[0]
    return lasts


def insert_events(rows: list[tuple[PendingEvent, int]]) -> None:
    """Insert events with their numbers; a durable event that is there already adds nothing."""
    values = [
        (e.run_id, seq, e.step, e.attempt, e.kind, json.dumps(_storable(e.payload)), e.at)
        for e, seq in rows
    ]
    if not values:
        return
    with connection.cursor() as cursor:
        if _is_postgres():
            cursor.execute(
                f"INSERT INTO {_EVENT} ({_COLUMNS}) SELECT * FROM unnest(%s::text[], %s::bigint[],"
                " %s::text[], %s::int[], %s::text[], %s::jsonb[], %s::timestamptz[])"
                " ON CONFLICT DO NOTHING",
                [list(column) for column in zip(*values, strict=True)],
            )
        else:
            cursor.executemany(
                f"INSERT INTO {_EVENT} ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                [(*value[:6], value[6].strftime("%Y-%m-%d %H:%M:%S.%f")) for value in values],
            )


def _storable(value: object) -> object:
    """The value without NUL characters and lone surrogates, which Postgres refuses in jsonb."""
    if isinstance(value, str):
        clean = value.replace("\x00", "\N{SYMBOL FOR NULL}")
        return clean.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return value
