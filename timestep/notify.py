"""Waking other processes: NOTIFY on Postgres; on SQLite the commit itself is the signal.

A listener on SQLite sees `PRAGMA data_version` change, so nothing has to be sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from django.db import connection

DISPATCH_CHANNEL = "timestep_dispatch"
EVENTS_CHANNEL = "timestep_events"

# A NOTIFY payload must be shorter than 8000 bytes (PostgreSQL manual, NOTIFY).
_RUNS_PER_MESSAGE = 50


def notify_dispatch() -> None:
    """Wake every worker's dispatcher when the caller's transaction commits."""
    _send(DISPATCH_CHANNEL, "")


def notify_events(run_ids: Iterable[str]) -> None:
    """Tell listeners, when the caller's transaction commits, which runs have new events."""
    for message in event_messages(run_ids):
        _send(EVENTS_CHANNEL, message)


def event_messages(run_ids: Iterable[str]) -> Iterator[str]:
    """What is sent on `EVENTS_CHANNEL` to say that these runs have new events."""
    ids = list(run_ids)
    for start in range(0, len(ids), _RUNS_PER_MESSAGE):
        yield json.dumps(ids[start : start + _RUNS_PER_MESSAGE])


def _send(channel: str, payload: str) -> None:
    # Inside a transaction Postgres holds a NOTIFY back until the commit and folds equal ones.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [channel, payload])
