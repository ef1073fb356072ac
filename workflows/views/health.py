"""What a load balancer or a person with curl asks: does it run, and can it do its work?"""

from __future__ import annotations

from threading import Event

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from workflows.selectors.workers import alive_workers

_seen_complete = Event()


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Asks nothing else, so that a slow database restarts no web process."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Database, schema and a live worker, each `ok` or what is wrong; 503 if one is not ok."""
    checks = _checks()
    ready = all(result == "ok" for result in checks.values())
    status = "ok" if ready else "unavailable"
    return JsonResponse({"status": status, "checks": checks}, status=200 if ready else 503)


def _checks() -> dict[str, str]:
    try:
        connection.ensure_connection()
    except DatabaseError:
        return {"database": "out of reach", "schema": "unknown", "worker": "unknown"}
    try:
        if not _schema_is_migrated():
            return {"database": "ok", "schema": "run manage.py migrate", "worker": "unknown"}
        worker = "ok" if alive_workers() else "no live worker; start manage.py worker"
    except DatabaseError:
        return {"database": "failing", "schema": "unknown", "worker": "unknown"}
    return {"database": "ok", "schema": "ok", "worker": worker}


def _schema_is_migrated() -> bool:
    """Whether nothing is left to migrate. Once true it stays so: code and schema move together."""
    if not _seen_complete.is_set() and _nothing_to_migrate():
        _seen_complete.set()
    return _seen_complete.is_set()


def _nothing_to_migrate() -> bool:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return False
    return _engine_tables_exist()


def _engine_tables_exist() -> bool:
    on_postgres = connection.vendor == "postgresql"
    table = "dbos.dbos_migrations" if on_postgres else "dbos_migrations"
    look = (
        "SELECT to_regclass(%s)"
        if on_postgres
        else "SELECT name FROM sqlite_master WHERE name = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(look, [table])
        row = cursor.fetchone()
    return row is not None and row[0] is not None
