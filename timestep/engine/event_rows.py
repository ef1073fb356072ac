"""The two statements that write a batch of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from timestep.models import RunEvent
from timestep.storable import storable

if TYPE_CHECKING:
    from timestep.engine.writer import PendingEvent

RunKey = tuple[str, int]

# Postgres takes the numbers of all runs of a batch in one statement. Written out: the ORM has no
# UPDATE … RETURNING, and a statement per run would cost more than the events themselves.
_TAKE_MANY = (
    "UPDATE timestep_run AS run SET last_seq = run.last_seq + wanted.n"
    " FROM unnest(%s::text[], %s::int[], %s::int[]) AS wanted(run_id, epoch, n)"
    " WHERE run.run_id = wanted.run_id AND run.epoch = wanted.epoch"
    " RETURNING run.run_id, run.epoch, run.last_seq"
)
_TAKE_ONE = (
    "UPDATE timestep_run SET last_seq = last_seq + %s"
    " WHERE run_id = %s AND epoch = %s RETURNING last_seq"
)


def take_sequence_numbers(counts: dict[RunKey, int]) -> dict[RunKey, int]:
    """Reserve consecutive `seq` numbers for runs that still have the epoch of the writer.

    Args:
        counts: How many numbers each (run id, epoch) needs.

    Returns:
        The first number for each; a key that is missing has lost its run to another worker.
    """
    take = _take_many if connection.vendor == "postgresql" else _take_one_by_one
    return {key: last - counts[key] + 1 for key, last in take(counts).items()}


def _take_many(counts: dict[RunKey, int]) -> dict[RunKey, int]:
    runs, epochs, numbers = (
        [run_id for run_id, _ in counts],
        [epoch for _, epoch in counts],
        list(counts.values()),
    )
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_MANY, [runs, epochs, numbers])
        return {(run_id, epoch): last for run_id, epoch, last in cursor.fetchall()}


def _take_one_by_one(counts: dict[RunKey, int]) -> dict[RunKey, int]:
    lasts: dict[RunKey, int] = {}
    with connection.cursor() as cursor:
        for (run_id, epoch), number in counts.items():
            cursor.execute(_TAKE_ONE, [number, run_id, epoch])
            if row := cursor.fetchone():
                lasts[run_id, epoch] = row[0]
    return lasts


def insert_events(rows: list[tuple[PendingEvent, int]]) -> None:
    """Insert events with their numbers; a durable event that is there already adds nothing."""
    RunEvent.objects.bulk_create(
        [
            RunEvent(
                run_id=event.run_id,
                seq=seq,
                step=event.step,
                attempt=event.attempt,
                kind=event.kind,
                payload=storable(event.payload),
                at=event.at,
            )
            for event, seq in rows
        ],
        ignore_conflicts=True,
    )
