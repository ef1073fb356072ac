"""Waking other processes on Postgres, with the commit and never before.

On SQLite nothing is sent: the commit itself is the signal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from django.db import transaction

from tests.databases import TestDatabase
from tests.services.rows import launched
from timestep.notify import DISPATCH_CHANNEL, EVENTS_CHANNEL, notify_dispatch, notify_events

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres_only]

Notes = list[tuple[str, str]]


class Ear:
    """A connection of its own that hears both channels."""

    def __init__(self, uri: str) -> None:
        self.connection = psycopg.connect(uri, autocommit=True)
        for channel in (DISPATCH_CHANNEL, EVENTS_CHANNEL):
            self.connection.execute(f"LISTEN {channel}")

    def heard(self) -> Notes:
        return [(n.channel, n.payload) for n in self.connection.notifies(timeout=0.2)]


@pytest.fixture
def ear(test_database: TestDatabase) -> Iterator[Ear]:
    made = Ear(str(test_database.uri))
    yield made
    made.connection.close()


def test_a_launch_is_heard_once_it_is_committed(ear: Ear) -> None:
    with transaction.atomic():
        launched("r")
        assert ear.heard() == []
    assert sorted(ear.heard()) == [(DISPATCH_CHANNEL, ""), (EVENTS_CHANNEL, '["r"]')]


def test_what_is_rolled_back_is_not_heard(ear: Ear) -> None:
    with transaction.atomic():
        launched("r")
        transaction.set_rollback(True)
    assert ear.heard() == []


def test_equal_signals_of_one_transaction_are_one(ear: Ear) -> None:
    with transaction.atomic():
        for _ in range(5):
            notify_dispatch()
    assert ear.heard() == [(DISPATCH_CHANNEL, "")]


def test_many_runs_fit_into_several_messages(ear: Ear) -> None:
    run_ids = [f"{n:0128}" for n in range(120)]
    notify_events(run_ids)
    payloads = [payload for _, payload in ear.heard()]
    assert [run_id for payload in payloads for run_id in json.loads(payload)] == run_ids
    assert max(len(payload) for payload in payloads) < 8000
    notify_events([])
    assert ear.heard() == []
