"""DBOS's tables on an SQLite before 3.42, whatever Python made the file."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest
from dbos import _migration
from django.db import connection
from sqlalchemy import create_engine, text

from timestep.engine.tables import provide_functions

NEWER_DEFAULT = "CREATE TABLE v (id INT, at BIGINT NOT NULL DEFAULT (unixepoch('subsec') * 1000))"


def test_what_dbos_opens_can_insert_into_a_file_of_a_newer_python(tmp_path: Path) -> None:
    provide_functions()
    engine = create_engine(f"sqlite:///{tmp_path}/made.sqlite3")
    with engine.begin() as one:
        one.execute(text(NEWER_DEFAULT))
        one.execute(text("INSERT INTO v (id) VALUES (1)"))
        assert one.execute(text("SELECT at FROM v")).scalar_one() > 1_700_000_000_000
    engine.dispose()


@pytest.mark.sqlite_only
@pytest.mark.django_db
def test_so_can_djangos_connection() -> None:
    with connection.cursor() as cursor:
        cursor.execute(NEWER_DEFAULT.replace("TABLE v", "TEMP TABLE v"))
        cursor.execute("INSERT INTO v (id) VALUES (1)")
        cursor.execute("SELECT at FROM v")
        assert cursor.fetchone()[0] > 1_700_000_000_000


def test_this_is_what_a_newer_python_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12))
    assert _migration.get_sqlite_timestamp_expr() in NEWER_DEFAULT


def test_without_it_there_is_no_default() -> None:
    bare = sqlite3.connect(":memory:")
    try:
        bare.execute(NEWER_DEFAULT)
        if sqlite3.sqlite_version_info < (3, 42):
            with pytest.raises(sqlite3.Error):
                bare.execute("INSERT INTO v (id) VALUES (1)")
    finally:
        bare.close()
