"""Reading events after a `seq`: the reader's half of live progress.

`seq` has legal holes: the deltas of a step are deleted once its final event, which has a higher
`seq`, carries the whole text. A reader that stopped inside such a step simply gets the final event.
"""

# ruff: noqa: S608 - the statements below are made of names of our own tables and columns

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection
from django.utils.dateparse import parse_datetime

from timestep.errors import InvalidInput
from timestep.models import DELTA_KIND, Run, RunEvent
from timestep.services.present import event_as_json

LARGEST_SEQ = 2**63 - 1
STATUS_KIND = "status"

_EVENT = RunEvent._meta.db_table
_COLUMNS = "e.run_id, e.seq, e.step, e.attempt, e.kind, e.payload, e.at"


class EventRow(NamedTuple):
    """One event, or several consecutive deltas of one step and attempt merged into one."""

    run_id: str
    seq: int
    step: str
    attempt: int
    kind: str
    payload: dict[str, Any]
    at: datetime


def parse_cursor(text: str) -> int:
    """The `after` of a request; an empty text is 0. Raises InvalidInput where it is no seq."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > LARGEST_SEQ:
        raise InvalidInput("after", "must be the seq of an event: a whole number from 0")
    return int(text)


def events_after(run_id: str, after: int, limit: int, *, upto: int = LARGEST_SEQ) -> list[EventRow]:
    """The first `limit` events of a run with `after < seq <= upto`, in order."""
    return _fetch(
        f"SELECT {_COLUMNS} FROM {_EVENT} e"
        " WHERE e.run_id = %s AND e.seq > %s AND e.seq <= %s ORDER BY e.seq LIMIT %s",
        [run_id, after, upto, limit],
    )


def events_of_runs(cursors: Mapping[str, int], limit: int) -> dict[str, list[EventRow]]:
    """What is new in many runs, in one statement.

    Args:
        cursors: Run id → the seq after which events are wanted.
        limit: The most events (on Postgres per run); who gets as many in all asks again.
    """
    found: dict[str, list[EventRow]] = {}
    if cursors:
        statement = _MANY_ON_POSTGRES if connection.vendor == "postgresql" else _MANY_ON_SQLITE
        values = ", ".join(["(CAST(%s AS text), CAST(%s AS bigint))"] * len(cursors))
        arguments = [value for pair in cursors.items() for value in pair]
        for row in _fetch(statement.format(values=values), [*arguments, limit]):
            found.setdefault(row.run_id, []).append(row)
    return found


# LATERAL and CROSS JOIN leave no choice but one walk of the index (run, seq) per run, even where
# the planner has no statistics yet.
_MANY_ON_POSTGRES = (
    f"WITH wanted(run_id, after) AS (VALUES {{values}}) SELECT {_COLUMNS} FROM wanted"
    f" CROSS JOIN LATERAL (SELECT * FROM {_EVENT} every WHERE every.run_id = wanted.run_id"
    " AND every.seq > wanted.after ORDER BY every.seq LIMIT %s) e ORDER BY e.run_id, e.seq"
)
_MANY_ON_SQLITE = (
    f"WITH wanted(run_id, after) AS (VALUES {{values}}) SELECT {_COLUMNS} FROM wanted"
    f" CROSS JOIN {_EVENT} e WHERE e.run_id = wanted.run_id AND e.seq > wanted.after"
    " ORDER BY e.run_id, e.seq LIMIT %s"
)


def last_seqs(run_ids: Sequence[str]) -> dict[str, int]:
    """The highest seq of each of these runs; runs that do not exist are missing."""
    return dict(Run.objects.filter(run_id__in=run_ids).values_list("run_id", "last_seq"))


def newest_event_id() -> int:
    """The id of the event that was inserted last, or 0."""
    newest = RunEvent.objects.order_by("-id").values_list("id", flat=True).first()
    return newest or 0


def status_events(after_id: int) -> list[tuple[int, EventRow]]:
    """Status events of all runs whose row id is above `after_id`, with their ids, in that order."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT e.id, {_COLUMNS} FROM {_EVENT} e"
            " WHERE e.id > %s AND e.kind = %s ORDER BY e.id",
            [after_id, STATUS_KIND],
        )
        return [(row[0], _row(row[1:])) for row in cursor.fetchall()]


def merge_deltas(rows: Iterable[EventRow]) -> list[EventRow]:
    """The same events, consecutive deltas of one step and attempt as one with the last seq."""
    merged: list[EventRow] = []
    texts: list[str] = []
    for row in rows:
        if texts and _continues(merged[-1], row):
            texts.append(str(row.payload.get("text", "")))
            merged[-1] = row
            continue
        _close(merged, texts)
        merged.append(row)
        texts = [str(row.payload.get("text", ""))] if row.kind == DELTA_KIND else []
    _close(merged, texts)
    return merged


def as_message(row: EventRow) -> dict[str, Any]:
    """The event as programs see it: `{"seq", "kind", "payload", "at"}`."""
    return event_as_json(row)


def _continues(before: EventRow, row: EventRow) -> bool:
    same = (before.kind, before.step, before.attempt) == (row.kind, row.step, row.attempt)
    return same and row.kind == DELTA_KIND


def _close(merged: list[EventRow], texts: list[str]) -> None:
    if len(texts) > 1:
        last = merged[-1]
        merged[-1] = last._replace(payload=last.payload | {"text": "".join(texts)})


def _fetch(statement: str, arguments: list[Any]) -> list[EventRow]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return [_row(row) for row in cursor.fetchall()]


def _row(row: tuple[Any, ...]) -> EventRow:
    run_id, seq, step, attempt, kind, payload, at = row
    return EventRow(run_id, seq, step, attempt, kind, json.loads(payload), _moment(at))


def _moment(value: datetime | str) -> datetime:
    """SQLite keeps UTC without saying so; Postgres gives an aware time."""
    moment = parse_datetime(value) if isinstance(value, str) else value
    if moment is None:
        raise ValueError(f"not a time: {value!r}")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
