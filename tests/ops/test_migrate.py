"""`manage.py migrate` brings both libraries' tables."""

from __future__ import annotations

import sqlite3

import psycopg

from tests.stack import Stack


def engine_tables(stack: Stack) -> set[str]:
    if stack.postgres_uri is None:
        connection = sqlite3.connect(stack.home / "timestep.sqlite3")
        try:
            return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        finally:
            connection.close()
    with psycopg.connect(stack.postgres_uri) as server:
        rows = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'dbos'")
        return {name for (name,) in rows}


def test_dbos_tables_come_with_djangos(stack: Stack) -> None:
    stack.manage("migrate")
    assert {"dbos_migrations", "workflow_status"} <= engine_tables(stack)
    again = stack.manage("migrate")
    assert "No migrations to apply" in again.stdout


def test_a_part_leaves_them_alone(stack: Stack) -> None:
    stack.manage("migrate", "auth")
    stack.manage("migrate", "--plan")
    stack.manage("migrate", "--without-engine")
    assert "workflow_status" not in engine_tables(stack)
