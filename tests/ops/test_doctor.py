"""`manage.py doctor` on real installations: empty, migrated, out of reach."""

from __future__ import annotations

import json
from typing import Any

from tests.stack import Stack

NOWHERE = "postgresql://ana:s3cret@127.0.0.1:1/timestep"


def examined(stack: Stack) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit code, and the checks by their names."""
    done = stack.manage("doctor", "--json", check=False)
    report = json.loads(done.stdout)
    assert report["ok"] is (done.returncode == 0)
    return done.returncode, {one["check"]: one for one in report["checks"]}


def test_an_empty_one_wants_to_be_migrated(stack: Stack) -> None:
    code, checks = examined(stack)
    assert code == 1
    assert "workers" not in checks
    asking = checks["database" if stack.postgres_uri is None else "migrations"]
    assert asking["mend"] == "run `python manage.py migrate`"
    assert not (stack.home / "timestep.sqlite3").exists()


def test_a_migrated_one_lacks_a_worker_alone(stack: Stack) -> None:
    stack.manage("migrate")
    code, checks = examined(stack)
    assert code == 1
    assert checks["engine tables"]["state"] == "ok"
    assert [name for name, one in checks.items() if one["state"] == "problem"] == ["workers"]


def test_one_out_of_reach_says_so_in_a_line_without_a_password(stack: Stack) -> None:
    stack.extra["PG_CONNECTION_URI"] = NOWHERE
    done = stack.manage("doctor", check=False)
    assert done.returncode == 1
    assert "s3cret" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith("problem  database")
    assert "Mend: start the server, or mend PG_CONNECTION_URI" in first
