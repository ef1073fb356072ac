"""What the doctor finds, and how it says that it is mended."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from tests.services.rows import launched, standing
from tests.services.schedules import BASE
from tests.workflows.rows import agent, tool, worker
from timestep import conf
from timestep.models import Run, RunStatus, Schedule, Segment, Tick, Worker
from timestep.services.audit import Actor
from timestep.services.queues import set_limits
from timestep.services.schedules import save_schedule
from timestep.services.specs import store_spec
from workflows.doctor import database, examination, runs, schedules, surroundings, workers
from workflows.doctor.findings import Finding, State, guarded, ok, problem, some, warning

pytestmark = pytest.mark.django_db

LONG_AGO = timezone.now() - timedelta(minutes=10)
SCRIPT = {"spec_version": 2, "needs": {"script": "/srv/a.py"}}


def found(look: Callable[[], Any]) -> dict[str, Finding]:
    """Findings by check; where one check found several, the last."""
    return {one.check: one for one in look()}


def printed(*words: str) -> tuple[str, int]:
    out, code = StringIO(), 0
    try:
        call_command("doctor", *words, stdout=out)
    except SystemExit as ended:
        code = int(str(ended.code))
    return out.getvalue(), code


def test_a_worker_that_lives_is_well() -> None:
    worker("w-1")
    said = found(workers.workers)
    assert {one.state for one in said.values()} == {State.OK}
    assert "w-1 (heard of 0 s ago)" in said["workers"].said
    assert said["versions"].said == "all have engine version 1"


def test_without_a_worker_nothing_goes_on() -> None:
    worker("s-1", kind="script", script="/srv/a.py")
    said = found(workers.workers)
    assert said["workers"].state is State.PROBLEM
    assert "manage.py worker" in said["workers"].mend
    assert said["scripts"].said == "1 script alive: /srv/a.py"


def test_silent_workers_and_other_versions_are_named() -> None:
    worker("old", engine_version=7)
    worker("silent", silent=60)
    worker("swept", silent=60, swept_by="old")
    said = found(workers.workers)
    assert said["versions"].said.endswith("(1): old")
    assert said["silent workers"].said.endswith("10 s: silent")


@pytest.mark.postgres_only
@pytest.mark.parametrize(("seconds", "state"), [(0.4, State.OK), (-3600, State.WARNING)])
def test_two_clocks_are_compared(
    monkeypatch: pytest.MonkeyPatch, seconds: float, state: State
) -> None:
    class Shifted(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return super().now(tz) + timedelta(seconds=seconds)

    monkeypatch.setattr(workers, "datetime", Shifted)
    assert found(workers.workers)["clock"].state is state


def test_a_key_that_no_worker_has_is_named_and_its_value_is_not() -> None:
    agent("desk", model="gpt-4.1")
    agent("idle", model="gpt-4.1", active=False)
    assert found(workers.keys)["keys"].state is State.WARNING
    worker(providers={"demo": True, "openai": False})
    said = found(workers.keys)["keys"]
    assert said.state is State.PROBLEM
    assert said.said == "no living worker has OPENAI_API_KEY, which these need: desk"
    worker("w-2", providers={"openai": True})
    assert found(workers.keys)["keys"].state is State.OK


def test_a_tool_that_no_worker_has_is_named() -> None:
    lookup = tool("lookup")
    agent("desk", tools=["lookup"])
    assert found(workers.tools)["tools"].state is State.OK
    lookup.present = False
    lookup.save()
    assert "lookup of desk" in found(workers.tools)["tools"].said


def test_what_waits_is_counted_by_queue() -> None:
    assert found(runs.queues)["queues"].said == "nothing waits"
    launched("a")
    launched("b", queue="slow")
    launched("later")
    Run.objects.filter(pk="later").update(delayed_until=timezone.now() + timedelta(hours=1))
    said = found(runs.queues)["queues"]
    assert said.state is State.PROBLEM
    assert said.said == "2 runs wait and nobody takes them: default 1, slow 1"
    worker(queues=["slow"])
    said = found(runs.queues)["queues"]
    assert (said.state, said.said) == (
        State.PROBLEM,
        "no living worker takes from default, where runs wait",
    )
    Worker.objects.update(queues=[])
    assert found(runs.queues)["queues"].state is State.OK
    set_limits("slow", {"concurrency": 0}, by=Actor("ana", "page"))
    said = found(runs.queues)["queues"]
    assert said.said == "2 runs wait to start or go on: default 1, slow 1; in slow 0 of 0 execute"


@pytest.mark.parametrize(("alive", "state"), [(False, State.PROBLEM), (True, State.WARNING)])
def test_runs_of_a_worker_that_is_gone_are_stranded(alive: bool, state: State) -> None:
    standing("lost", RunStatus.RUNNING)
    standing("given", RunStatus.QUEUED)
    gone = {"state": "dispatched", "worker": "w-1", "dispatched_at": LONG_AGO}
    Segment.objects.filter(run_id="given").update(**gone)
    if alive:
        worker("w-2")
    lost, given = runs.stranded()
    assert (lost.state, given.state) == (state, state)
    assert lost.said == "1 run is running on a worker that is gone: lost"
    assert given.said.endswith("gone: given")


def test_runs_of_a_living_worker_are_not() -> None:
    worker("w-1")
    standing("r", RunStatus.RUNNING)
    assert [one.said for one in runs.stranded()] == ["none"]


def test_runs_that_wait_for_a_process_say_for_which() -> None:
    worker("w-1", engine_version=2)
    launched("of-script", spec=store_spec(SCRIPT))
    launched("of-version")
    Run.objects.filter(pk="of-version").update(started_at=LONG_AGO)
    script, version = runs.stranded()
    assert script.said == "wait for /srv/a.py, where their agent lives: of-script"
    assert script.mend == "run it again: `python /srv/a.py`"
    assert version.said == "wait for a worker of engine version 1: of-version"


def test_runs_that_no_living_process_can_build_say_which_program_must_do_what() -> None:
    worker("w-1", kind="script", script="/srv/other.py")
    needs = {"modules": ["shop.desk"], "registered": [{"kind": "tool", "name": "oslo"}]}
    needs |= {"script": None, "environment": ["SHOP_KEY"]}
    launched("of-app", spec=store_spec({"spec_version": 2, "needs": needs}), label="shop-app")
    Run.objects.update(created_at=LONG_AGO, launched_from="program /srv/bin/uvicorn")
    [found] = runs.stranded()
    assert found.said.startswith("wait for a program that has the parts of agent ")
    assert found.said.endswith(": of-app")
    assert found.mend == (
        "Waits for the program shop-app (/srv/bin/uvicorn) to run again, which has to import "
        "shop.desk and to call register_tool() for 'oslo' and to have SHOP_KEY in its "
        "environment. Or name shop.desk in TIMESTEP_CODE of a worker, and start that again. "
        "The log of each process says what it lacks."
    )


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING])
def test_runs_of_a_session_without_a_file_have_no_next_start(status: RunStatus) -> None:
    home = "<python -c, process 12 on h, 1f2e>"
    standing("r", status)
    spec = store_spec({"spec_version": 2, "needs": {"script": home}})
    Run.objects.update(spec=spec)
    [found] = runs.stranded()
    assert found.said == f"wait for {home}, which has ended and has no file: r"
    assert "cancel RUN_ID" in str(found.mend)
    worker("s-1", kind="script", script=home)
    assert home not in str([one.said for one in runs.stranded()])


def test_late_schedules_and_failed_ticks() -> None:
    values = {"agent": "desk", "input": "x", "cron": "0 * * * *"}
    late = Schedule.objects.create(name="late", next_at=LONG_AGO, **values)
    Schedule.objects.create(name="paused", next_at=LONG_AGO, paused=True, **values)
    Schedule.objects.create(name="never", **values)
    Schedule.objects.create(name="over", ends_at=LONG_AGO, **values)
    why = {"paused": True, "paused_by": "the clock", "paused_why": "2 failures in a row"}
    Schedule.objects.create(name="stopped", **values, **why)
    Tick.objects.create(schedule=late, at=LONG_AGO, outcome="failed", note="no such agent")
    said = [one.said for one in schedules.schedules()]
    assert said == [
        "late by more than a minute: late",
        "have no next tick: never",
        "paused themselves: stopped (2 failures in a row)",
        "ticks that failed since yesterday: late (no such agent)",
    ]


def test_the_database_says_its_version_and_what_is_left_to_migrate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert database.reachable().state is State.OK
    monkeypatch.setattr(database, "engine_tables", _answering("3 5"))
    assert "version 3; the installed DBOS wants 5" in found(database.tables)["engine tables"].said
    assert found(database.tables)["migrations"].said == "all applied"


def _answering(out: str, code: int = 0, error: str = "") -> Callable[[str], Any]:
    return lambda act: subprocess.CompletedProcess([], code, out, error)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (_answering("5 5"), State.OK),
        (_answering("6 5"), State.PROBLEM),
        (_answering("", 1, "trace\nOperationalError: //ana:s3cret@db"), State.PROBLEM),
    ],
)
def test_dbos_tables(monkeypatch: pytest.MonkeyPatch, answer: Any, state: State) -> None:
    monkeypatch.setattr(database, "engine_tables", answer)
    said = found(database.tables)["engine tables"]
    assert said.state is state
    assert "s3cret" not in said.said


def test_a_database_that_is_away_is_all_that_is_said_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("failed: postgresql://ana:s3cret@db\nmore") from psycopg.Error()

    away = SimpleNamespace(ensure_connection=refuse, vendor="postgresql")
    monkeypatch.setattr(database, "connection", away)
    said = {one.check: one for one in examination.examine()}
    assert said["database"].state is State.PROBLEM
    assert said["database"].said == "does not answer: failed: postgresql://…@db"
    assert "workers" not in said
    assert "disk" in said


@pytest.mark.sqlite_only
def test_a_file_that_is_not_there_is_not_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = tmp_path / "none.sqlite3"
    monkeypatch.setitem(connection.settings_dict, "NAME", name)
    assert database.reachable().said == f"{name} does not exist yet"
    assert not name.exists()


@pytest.mark.parametrize(
    ("url", "state"),
    [
        (None, State.OK),
        (conf.PublicUrl("http", "ops.example", "http://ops.example"), State.WARNING),
        (conf.PublicUrl("https", "ops.example", "https://ops.example"), State.OK),
        (conf.PublicUrl("http", "localhost", "http://localhost:8000"), State.OK),
    ],
)
def test_the_public_address(settings: Settings, url: Any, state: State) -> None:
    settings.PUBLIC_URL = url
    assert found(surroundings.surroundings)["public address"].state is state


@pytest.mark.parametrize(("mode", "state"), [(0o600, State.OK), (0o644, State.PROBLEM)])
def test_secrets_are_their_owners_alone(
    settings: Settings, tmp_path: Path, mode: int, state: State
) -> None:
    settings.TIMESTEP_HOME = tmp_path
    for name in ("secret_key", "admin-password"):
        (tmp_path / name).write_text("hush")
        (tmp_path / name).chmod(mode)
    said = found(surroundings.surroundings)
    assert (said["secret key"].state, said["first password"].state) == (state, state)
    assert "hush" not in str(said)


@pytest.mark.parametrize(
    ("free", "state"), [(10**10, State.OK), (5 * 10**8, State.WARNING), (10**6, State.PROBLEM)]
)
def test_the_disk(monkeypatch: pytest.MonkeyPatch, free: int, state: State) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert found(surroundings.surroundings)["disk"].state is state


def test_a_check_that_fails_is_a_finding() -> None:
    def fail() -> list[Finding]:
        raise OperationalError("gone\nmore")

    (said,) = guarded("runs", fail)
    assert (said.state, said.said) == (State.PROBLEM, "could not be looked at: gone")
    assert some(str(number) for number in range(7)) == "0, 1, 2, 3, 4 and 2 more"


@pytest.mark.parametrize(
    ("findings", "code", "last"),
    [
        ([ok("a", "b")], 0, "1 check, all is well."),
        ([ok("a", "b"), warning("c", "d", "e")], 0, "0 problems, 1 warning."),
        ([problem("long name", "two\nlines", "e")], 1, "1 problem, 0 warnings."),
    ],
)
def test_the_command_prints_one_line_each(
    monkeypatch: pytest.MonkeyPatch, findings: list[Finding], code: int, last: str
) -> None:
    monkeypatch.setattr("workflows.management.commands.doctor.examine", lambda: findings)
    text, ended = printed()
    lines = text.splitlines()
    assert (ended, lines[-1], len(lines)) == (code, last, len(findings) + 2)
    report = json.loads(printed("--json")[0])
    assert report["ok"] is (code == 0)
    assert [one["check"] for one in report["checks"]] == [one.check for one in findings]


def test_the_whole_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "engine_tables", _answering("5 5"))
    worker()
    checks = json.loads(printed("--json")[0])["checks"]
    names = {"database", "migrations", "engine tables", "workers", "versions", "clock", "keys"}
    names |= {"tools", "queues", "stranded runs", "schedules", "public address", "disk"}
    assert names <= {one["check"] for one in checks}
    assert all(one["mend"] for one in checks if one["state"] != "ok")


def test_a_schedule_that_a_clock_has_put_off_is_named() -> None:
    agent("desk")
    save_schedule({**BASE, "cron": "*/2 * * * *"})
    assert found(schedules.schedules)["schedules"].state is State.OK
    Schedule.objects.update(next_at=timezone.now() + timedelta(hours=2))
    said = found(schedules.schedules)["schedules"]
    assert said.state is State.PROBLEM
    assert said.said.startswith("next due later than their lines say: nightly (")


def test_a_full_disk_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    said = found(surroundings.surroundings)["disk"]
    assert said.said.startswith("the disk is full (0 MiB free in ")
    assert "goes on by itself" in said.mend


@pytest.mark.sqlite_only
def test_the_side_files_of_a_database_are_looked_at_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "timestep.sqlite3"
    for path, mode in ((file, 0o600), (tmp_path / "timestep.sqlite3-wal", 0o644)):
        path.touch()
        path.chmod(mode)
    monkeypatch.setitem(connection.settings_dict, "NAME", file)
    said = found(surroundings.surroundings)["database file"]
    assert (said.state, "-wal (mode 644)" in said.said) == (State.PROBLEM, True)
