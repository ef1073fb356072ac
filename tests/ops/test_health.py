"""/healthz and /readyz."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from timestep.models import Worker
from workflows.views import health

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests have no DBOS tables; tests/ops/test_migrate.py asks about them in a real stack."""
    monkeypatch.setattr(health, "_engine_tables_exist", lambda: True)
    health._seen_complete.clear()


def worker(**fields: object) -> Worker:
    return Worker.objects.create(worker_id="w", host="h", pid=1, engine_version=1, **fields)


def test_healthz_asks_nothing_of_the_database(client: Client) -> None:
    with connection.execute_wrapper(lambda *args: pytest.fail("a query")):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_with_a_live_worker(client: Client) -> None:
    worker()
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "schema": "ok", "worker": "ok"}
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("silent", [True, False])
def test_not_ready_with_a_dead_worker(client: Client, silent: bool) -> None:
    long_ago = timezone.now() - timedelta(seconds=30)
    worker(**{"heartbeat_at" if silent else "stopped_at": long_ago})
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "manage.py worker" in answer.json()["checks"]["worker"]


def test_not_ready_with_migrations_left(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    worker()
    monkeypatch.setattr(health, "_nothing_to_migrate", lambda: False)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "manage.py migrate" in answer.json()["checks"]["schema"]


def test_not_ready_without_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise DatabaseError("secret words of the driver")

    monkeypatch.setattr(health, "connection", SimpleNamespace(ensure_connection=refuse))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "out of reach"
    assert b"secret" not in answer.content


def test_no_sign_in_and_no_redirect_is_asked_of_a_probe(client: Client) -> None:
    assert client.get("/healthz", secure=False).status_code == 200
    assert client.post("/healthz").status_code == 405


def test_the_schema_is_read_once(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    asked = Mock(return_value=True)
    monkeypatch.setattr(health, "_nothing_to_migrate", asked)
    client.get("/readyz")
    client.get("/readyz")
    asked.assert_called_once()
