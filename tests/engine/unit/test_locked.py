"""What another session of Postgres has locked, and stands still: nobody waits for it for long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction
from sqlalchemy import NullPool, create_engine, text

from tests.databases import TestDatabase, django_uses
from tests.engine.unit.conftest import FakeDbos
from tests.engine.unit.rows import executing, handed_over, queue
from tests.services.rows import launched
from tests.workflows.rows import in_threads, worker
from timestep import conf
from timestep.engine import admission, runtime
from timestep.engine.admission import Taker
from timestep.engine.claims import claim
from timestep.engine.heartbeat import sweep, sweep_late, sweep_silent
from timestep.engine.lease import beat
from timestep.engine.server_sessions import end_sessions, session_name
from timestep.engine.threads import patient_connection
from timestep.models import Run, RunStatus, Segment, SegmentState, Worker, WorkerKind

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgres_only,
    pytest.mark.usefixtures("dbos", "gate"),
]
OWN = "-c idle_in_transaction_session_timeout=0 -c search_path=public"


@contextmanager
def locked(database: TestDatabase, table: str, key: str) -> Iterator[psycopg.Connection[Any]]:
    """Another session that has a row locked."""
    names = {"run": "run_id", "worker": "worker_id", "queue": "name", "segment": "segment_id"}
    statement = f"SELECT 1 FROM timestep_{table} WHERE {names[table]} = %s FOR UPDATE"
    with psycopg.connect(str(database.uri)) as other:
        assert other.execute(statement.encode(), [key]).fetchone()
        yield other


def test_a_sweep_passes_the_run_that_is_locked_and_takes_it_later(
    test_database: TestDatabase,
) -> None:
    worker("w-1", silent=20)
    for run_id in ("a", "b", "c"):
        executing(run_id)
    with locked(test_database, "run", "b"):
        assert sweep("w-1", "w-2") == 1
        assert sweep_late("w-2") == 1
        owners = dict(Run.objects.values_list("run_id", "owner"))
        assert owners == {"a": None, "b": "w-1", "c": None}
    assert sweep_late("w-2") == 1
    assert (Run.objects.get(pk="b").status, Run.objects.get(pk="b").epoch) == ("queued", 2)
    assert sweep_late("w-2") == 0


def test_a_sweep_passes_a_segment_that_is_locked(test_database: TestDatabase) -> None:
    worker("w-1", silent=20)
    for run_id in ("a", "b"):
        executing(run_id)
        handed_over(f"given-{run_id}")

    def swept(_number: int) -> int:
        patient_connection()
        return sweep("w-1", "w-2")

    with locked(test_database, "segment", "a:0"), locked(test_database, "segment", "given-a:0"):
        assert in_threads(1, swept) == [1]
        kept = Segment.objects.filter(worker="w-1").values_list("segment_id", flat=True)
        assert sorted(kept) == ["a:0", "given-a:0"]
    sweep_late("w-2")
    assert Run.objects.get(pk="a").status == RunStatus.QUEUED


def test_a_worker_whose_row_is_locked_is_swept_when_it_is_free(test_database: TestDatabase) -> None:
    worker("w-1", silent=20)
    worker("w-3", silent=20)
    with locked(test_database, "worker", "w-1"):
        assert sweep_silent("w-2") == 1
    assert sweep_silent("w-2") == 1


def test_a_worker_that_came_back_meanwhile_is_not_swept(
    dbos: FakeDbos, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker("w-1", silent=20)
    executing("r")
    monkeypatch.setattr(dbos, "list_workflows", lambda **_: [] if beat("w-1") else None)
    assert sweep_silent("w-2") == 0
    assert (Worker.objects.get().swept_by, Run.objects.get().owner) == (None, "w-1")


def test_a_claim_that_waits_for_its_run_keeps_no_heartbeat_waiting(
    test_database: TestDatabase,
) -> None:
    worker("w-1")
    handed_over("r")

    def act(number: int) -> Any:
        if number == 0:
            return claim("r", 0, "w-1", executes=False)
        time.sleep(0.3)
        began = time.monotonic()
        assert beat("w-1")
        other.rollback()
        return time.monotonic() - began

    with locked(test_database, "run", "r") as other:
        _claimed, took = in_threads(2, act)
    assert took < 0.5
    assert Run.objects.get().owner == "w-1"


def test_other_queues_go_on_where_one_is_locked(test_database: TestDatabase) -> None:
    for name in ("first", "second"):
        queue(name, concurrency=5)
        launched(name, queue=name)

    def started(_number: int) -> list[str]:
        patient_connection()
        with transaction.atomic():
            return [one.run_id for one in admission.startable(Taker("w-1"))]

    with locked(test_database, "queue", "first"):
        assert in_threads(1, started) == [["second"]]
    assert in_threads(1, started) == [["first", "second"]]


def test_what_others_hold_is_not_started(test_database: TestDatabase) -> None:
    queue("default")
    for run_id in ("a", "b"):
        launched(run_id)
    with locked(test_database, "segment", "a:0"), transaction.atomic():
        assert [one.run_id for one in admission.startable(Taker("w-1"))] == ["b"]


def _limit(database: dict[str, Any]) -> str:
    with django_uses(database), connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize("options", ["", OWN])
def test_every_connection_ends_its_idle_transactions_whatever_the_uri_says(
    options: str, test_database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined = "&" if "?" in str(test_database.uri) else "?"
    uri = f"{test_database.uri}{joined}options={quote(options)}" if options else test_database.uri
    monkeypatch.setenv("PG_CONNECTION_URI", str(uri))
    made = conf.database(settings.TIMESTEP_HOME)
    assert _limit(made) == "5s"
    url = conf.engine_database_url(made)
    config = runtime._config(url, "w-1", None)
    assert config["sys_db_idle_transaction_timeout_sec"] == 5
    url = "postgresql+psycopg" + url.removeprefix("postgresql")
    engine = create_engine(url, poolclass=NullPool, **config["db_engine_kwargs"] or {})
    with engine.connect() as ours:
        shown = ours.execute(text("SHOW application_name")).scalar()
        limit = ours.execute(text("SHOW idle_in_transaction_session_timeout")).scalar()
    # Where the URI does not name it, DBOS sets what its configuration says.
    assert (shown, limit) == ("w-1", "5s" if options else "0")


@pytest.mark.parametrize("kind", WorkerKind)
def test_the_sessions_of_a_silent_worker_are_ended_and_no_others(
    kind: WorkerKind, test_database: TestDatabase
) -> None:
    silent = worker("w-1", silent=20, kind=kind)
    names = ["w-1", "w-1", "w-11", "x w-1"]
    uri = str(test_database.uri)
    opened = [psycopg.connect(uri, application_name=name) for name in names]
    for number in (0, 2, 3):
        opened[number].execute("SELECT 1")  # Inside a transaction from here on.
    is_worker = kind == WorkerKind.WORKER
    assert end_sessions(silent) == (2 if is_worker else 1)
    assert [_lives(one) for one in opened] == [False, not is_worker, True, True]
    for one in opened:
        one.close()


def _lives(session: psycopg.Connection[Any]) -> bool:
    try:
        session.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def test_the_sessions_of_a_worker_that_beats_are_left_alone(test_database: TestDatabase) -> None:
    lives = worker("w-1")
    with psycopg.connect(str(test_database.uri), application_name="w-1") as own:
        assert end_sessions(lives) == 0
        assert _lives(own)


def test_a_session_has_the_workers_name_as_postgres_keeps_it() -> None:
    assert session_name("büro-12-ab") == "b?ro-12-ab"
    assert session_name("x" * 70 + "-12-ab").endswith("-12-ab")
    assert len(session_name("x" * 70)) == 63


def test_a_sweep_frees_what_the_worker_itself_has_locked(test_database: TestDatabase) -> None:
    worker("w-1", silent=20)
    executing("r")
    with psycopg.connect(str(test_database.uri), application_name="w-1") as own:
        own.execute("SELECT 1 FROM timestep_worker, timestep_run FOR UPDATE")
        assert sweep("w-1", "w-2") == 1
        assert not _lives(own)
        own.close()
    sweep_late("w-2")
    assert Run.objects.get().owner is None
    assert Segment.objects.get().state == SegmentState.READY
