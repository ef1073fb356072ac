"""What is written is its owner's alone, whoever writes it first and whatever the umask says."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

from tests.stack import ROOT, Stack
from timestep import conf, private
from timestep.services.own_files import own_files
from workflows.supervision import preflight

SCRIPT = (
    "import timestep; timestep.configure_dbos(); timestep.ensure_dbos_launched();"
    "timestep.cleanup_dbos()"
)


@pytest.fixture(params=[0o022, 0o000], ids=["umask 022", "umask 000"])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(directory: Path) -> dict[str, int]:
    return {one.name: one.stat().st_mode & 0o777 for one in directory.iterdir()}


@pytest.mark.usefixtures("umask")
def test_directories_and_files_are_made_private(tmp_path: Path) -> None:
    home = tmp_path / "above" / "home"
    private.make_directory(home)
    private.make_file(home / "empty")
    private.open_file(home / "lock").close()
    assert modes(home) == {"empty": 0o600, "lock": 0o600}
    assert {home.stat().st_mode & 0o777, home.parent.stat().st_mode & 0o777} == {0o700}


@pytest.mark.sqlite_only
@pytest.mark.django_db
@pytest.mark.usefixtures("umask")
def test_the_first_connection_makes_a_private_file(tmp_path: Path) -> None:
    wanted = connections.settings["default"] | conf.database(tmp_path)
    connection = connections.create_connection("default").__class__(wanted)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (a)")
        assert set(modes(tmp_path).values()) == {0o600}
    connection.close()


@pytest.mark.usefixtures("umask")
def test_up_looks_at_a_file_that_it_makes_private(tmp_path: Path) -> None:
    path = tmp_path / "timestep.sqlite3"
    preflight._require_sqlite(path)
    assert modes(tmp_path) == {"timestep.sqlite3": 0o600}


def test_what_others_could_use_is_mended_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (old := tmp_path / "timestep.sqlite3").touch(mode=0o644)
    old.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        assert private.mend([old, tmp_path / "not there"]) == [old]
        assert private.mend([old]) == []
    assert old.stat().st_mode & 0o777 == 0o600
    assert "(mode 644): now it is its owner's alone" in caplog.text
    assert len(caplog.records) == 1


def test_a_projects_own_database_is_its_own_to_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    default = connections["default"].settings_dict
    monkeypatch.setitem(default, "ENGINE", "django.db.backends.sqlite3")
    assert set(own_files()) == {"secret key", "first password"}
    monkeypatch.setitem(default, "ENGINE", conf.SQLITE_ENGINE)
    assert set(own_files()) == {"secret key", "first password", "database file"}


@pytest.mark.sqlite_only
def test_each_start_mends_what_an_older_release_left(stack: Stack) -> None:
    (stack.home / "timestep.sqlite3").touch()
    (stack.home / "timestep.sqlite3").chmod(0o644)
    done = stack.manage("migrate")
    assert "now it is its owner's alone" in done.stderr
    assert modes(stack.home)["timestep.sqlite3"] == 0o600


@pytest.mark.sqlite_only
@pytest.mark.usefixtures("umask")
def test_a_script_leaves_nothing_that_others_may_read(stack: Stack) -> None:
    command = [sys.executable, "-c", SCRIPT]
    subprocess.run(command, env=stack.environment, cwd=ROOT, check=True, timeout=120)
    assert "timestep.sqlite3" in modes(stack.home)
    assert set(modes(stack.home).values()) == {0o600}


def test_doctor_is_clean_right_after_the_first_start(stack: Stack) -> None:
    stack.start_all()
    done = stack.manage("doctor", check=False)
    said = [line for line in done.stdout.splitlines() if not line.startswith("ok ")]
    said = [line for line in said if not line.startswith(("warning  disk", "problem  disk"))]
    assert said == ["", said[-1]]
    # Written by the tests.
    (stack.home / "up.log").unlink()
    assert set(modes(stack.home).values()) == {0o600}
