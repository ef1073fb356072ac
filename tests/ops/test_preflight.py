"""What `up` refuses before it starts anything."""

from __future__ import annotations

import fcntl
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.db import DatabaseError, OperationalError

from workflows.supervision import preflight
from workflows.supervision.errors import StartRefused


def test_a_home_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    preflight.require_home(tmp_path / "a" / "home")
    assert (tmp_path / "a" / "home").stat().st_mode & 0o077 == 0
    assert not list((tmp_path / "a" / "home").iterdir())


def test_a_home_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartRefused, match=r"TIMESTEP_HOME .* is not writable: .*; make it"):
        preflight.require_home(tmp_path / "file" / "home")


@pytest.fixture
def database_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "timestep.sqlite3"
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", path)
    monkeypatch.setattr(preflight, "connection", SimpleNamespace(vendor="sqlite"))
    return path


def test_a_fresh_file_will_do(database_file: Path) -> None:
    preflight.require_database()
    preflight.require_no_worker()
    assert database_file.exists()


@pytest.mark.parametrize("content", [None, b"this is no database, and long enough to tell" * 20])
def test_what_is_no_database_file_is_refused(database_file: Path, content: bytes | None) -> None:
    if content is None:
        database_file.mkdir()
    else:
        database_file.write_bytes(content)
    with pytest.raises(StartRefused, match=rf"the database file {database_file} cannot be used"):
        preflight.require_database()


def test_a_second_worker_on_the_file_is_refused(database_file: Path) -> None:
    with database_file.with_suffix(".worker-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StartRefused, match="on SQLite there can be one; stop it"):
            preflight.require_no_worker()
    preflight.require_no_worker()


def test_what_the_database_says_becomes_one_line() -> None:
    said = OperationalError("permission denied for schema public.\nLINE 1: CREATE TABLE")
    refused = pytest.raises(StartRefused, match=r"migrating failed: permission .* public$")
    with refused, preflight.database_errors_refuse("migrating"):
        raise said


def test_an_error_without_words_is_named() -> None:
    assert preflight.first_line(DatabaseError()) == "DatabaseError"
