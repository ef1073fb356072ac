"""The command line: JSON on standard output and nothing else, errors on one line, exit codes."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.workflows.rows import agent, run, worker
from timestep.models import Run, RunStatus
from timestep.services.status import record_event
from workflows.models import AgentDefinition

pytestmark = pytest.mark.django_db
RUN_KEYS = {
    "run_id", "status", "agent", "final_output", "error", "usage",
    "created_at", "started_at", "finished_at", "segments",
}  # fmt: skip


def output(*argv: str) -> str:
    """What a command prints on standard output."""
    out = io.StringIO()
    call_command(*argv, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def printed(*argv: str) -> Any:
    """The one JSON value that a command prints."""
    text = output(*argv, "--json")
    assert text.count("\n") == 1
    return json.loads(text)


def error_of(*argv: str) -> CommandError:
    """The error of a command; its text is one line."""
    with pytest.raises(CommandError) as failed:
        output(*argv)
    assert "\n" not in str(failed.value)
    return failed.value


def test_launch_prints_the_run() -> None:
    agent("desk")
    shown = printed(
        *("launch", "desk", "--input", "hello", "--session", "s-1", "--queue", "slow"),
        *("--priority", "2", "--dedup", "d-1", "--run-id", "mine", "--timeout", "1.5"),
    )
    assert set(shown) == RUN_KEYS
    assert (shown["run_id"], shown["status"], shown["segments"]) == ("mine", "queued", 1)
    saved = Run.objects.get()
    assert (saved.session_id, saved.queue, saved.priority) == ("s-1", "slow", 2)
    assert (saved.dedup_id, saved.timeout_seconds) == ("d-1", 1.5)
    assert saved.launched_from.startswith("cli:")


def test_input_comes_from_a_file_or_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent("desk")
    path = tmp_path / "input.txt"
    path.write_text("größer\n", encoding="utf-8")
    printed("launch", "desk", "--input", f"@{path}", "--run-id", "file")
    items = '[{"role": "user", "content": "hi"}]\n'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(items.encode())))
    printed("launch", "desk", "--input", "-", "--run-id", "pipe")
    assert Run.objects.get(run_id="file").input == "größer"
    assert Run.objects.get(run_id="pipe").input == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (None, "standard input is closed"),
        (b"\xff\xfe", "standard input is not UTF-8 text"),
    ],
)
def test_standard_input_that_cannot_be_read_is_said_in_one_line(
    stdin: bytes | None, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent("desk")
    stream = None if stdin is None else io.TextIOWrapper(io.BytesIO(stdin))
    monkeypatch.setattr("sys.stdin", stream)
    assert str(error_of("launch", "desk", "--input", "-")) == message


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["nobody", "--input", "x"], "no agent has the slug 'nobody'"),
        (["desk", "--input", " "], "input: is empty"),
        (["desk", "--input", "@/no/such/file"], "/no/such/file cannot be read: No such file"),
        (["desk", "--input", "@"], "after @ comes the path of a file"),
        (["desk", "--input", "x", "--timeout", "0"], "timeout_seconds"),
        (["desk", "--input", "x", "--timeout", "nan"], "timeout_seconds"),
        (["desk", "--input", "x", "--priority", "0"], "priority"),
        (["desk", "--input", "x", "--run-id", "a b"], "run_id"),
        (["desk", "--input", "x", "--session", ""], "session_id"),
        (["desk", "--input", "\udcff"], "input: contains half a character"),
    ],
)
def test_what_cannot_be_launched_is_said_in_one_line(argv: list[str], message: str) -> None:
    agent("desk")
    error = error_of("launch", *argv)
    assert message in str(error)
    assert error.returncode == 1
    assert Run.objects.count() == 0


def test_a_duplicate_is_refused_with_the_holder() -> None:
    agent("desk")
    printed("launch", "desk", "--input", "x", "--dedup", "d", "--run-id", "first")
    assert "held by run first" in str(error_of("launch", "desk", "--input", "x", "--dedup", "d"))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("succeeded", None),
        ("failed", 1),
        ("cancelled", 1),
        ("timed_out", 1),
        ("awaiting_approval", 3),
    ],
)
def test_waiting_ends_with_the_exit_code_of_the_status(
    status: str,
    code: int | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    agent("desk")
    worker()
    looks = iter([RunStatus.RUNNING, status])
    monkeypatch.setattr(time, "sleep", lambda _: Run.objects.update(status=next(looks)))
    if code is None:
        call_command("launch", "desk", "--input", "x", "--wait", "--json")
    else:
        with pytest.raises(SystemExit) as ended:
            call_command("launch", "desk", "--input", "x", "--wait", "--json")
        assert ended.value.code == code
    assert json.loads(capsys.readouterr().out)["status"] == status


def test_without_a_worker_launch_says_so_on_standard_error() -> None:
    agent("desk")
    err = io.StringIO()
    call_command("launch", "desk", "--input", "x", stdout=io.StringIO(), stderr=err)
    assert "no worker is alive" in err.getvalue()


def test_runs_lists_newest_first_with_filters() -> None:
    run("run_1", status="failed")
    run("run_2", agent="other")
    run("run_3")
    assert [one["run_id"] for one in printed("runs")] == ["run_3", "run_2", "run_1"]
    assert [one["run_id"] for one in printed("runs", "--limit", "1")] == ["run_3"]
    assert [one["run_id"] for one in printed("runs", "--status", "failed")] == ["run_1"]
    assert [one["run_id"] for one in printed("runs", "--agent", "other")] == ["run_2"]
    assert len(output("runs").splitlines()) == 3
    assert set(printed("runs")[0]) == RUN_KEYS


def test_one_run_is_shown_with_its_events_if_wanted() -> None:
    run("run_1", final_output={"a": "ü"}, error={"message": "no", "traceback": "secret"})
    record_event("run_1", "status", {"status": "queued"})
    shown = printed("runs", "run_1")
    assert (set(shown), shown["final_output"]) == (RUN_KEYS, {"a": "ü"})
    assert shown["error"] == {"message": "no"}
    (event,) = printed("runs", "run_1", "--events")["events"]
    assert set(event) == {"seq", "kind", "payload", "at"}
    assert event["payload"] == {"status": "queued"}


def test_a_run_that_goes_on_is_shown_with_its_usage_so_far() -> None:
    run("r", status="running")
    usage = {"input_tokens": 5, "cached_tokens": 0, "output_tokens": 2, "reasoning_tokens": 0}
    record_event("r", "model.finished", {"usage": usage})
    shown = {"requests": 1, "input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    assert printed("runs", "r")["usage"] == shown


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["none"], 1),
        (["nul\x00"], 1),
        (["--events"], 2),
        (["--limit", "0"], 2),
        (["none", "--limit", "5"], 2),
    ],
)
def test_runs_refuses_what_makes_no_sense(argv: list[str], code: int) -> None:
    assert error_of("runs", *argv).returncode == code


def test_cancel_and_retry_act_or_say_why_not() -> None:
    agent("desk")
    printed("launch", "desk", "--input", "x", "--run-id", "r")
    assert printed("cancel", "r")["status"] == "cancelled"
    assert "cannot be cancelled" in str(error_of("cancel", "r"))
    assert "cannot be retried" in str(error_of("retry", "r"))
    Run.objects.update(status="failed")
    assert printed("retry", "r")["status"] == "queued"
    assert "no run has the id" in str(error_of("cancel", "none"))


def test_what_a_model_wrote_cannot_steer_the_terminal() -> None:
    run("run_1", final_output="red \x1b[31m alert \x07")
    assert "\x1b" not in output("runs", "run_1")
    assert "\x07" not in output("runs", "run_1")


def test_what_failed_cannot_steer_the_terminal() -> None:
    agent("desk")
    failed = {"error": {"message": "red \x1b[31m alert"}, "status": RunStatus.FAILED}
    run("run_1", **failed)
    said = io.StringIO()
    call_command(
        *("launch", "desk", "--input", "hello", "--run-id", "run_1"),
        stdout=io.StringIO(),
        stderr=said,
    )
    assert "alert" in said.getvalue()
    assert "\x1b" not in said.getvalue()


def test_agents_are_listed() -> None:
    agent("refunds")
    agent("desk", handoffs=["refunds"], active=False)
    assert printed("agents")[0] == {
        "slug": "desk", "name": "Desk", "model": "demo/fast", "version": 1,
        "active": False, "tools": [], "handoffs": ["refunds"],
    }  # fmt: skip
    assert "(inactive)" in output("agents").splitlines()[0]


def test_agents_are_exported_and_imported(tmp_path: Path) -> None:
    agent("desk", instructions="Be kind")
    path = tmp_path / "agents.json"
    path.write_text(output("agents", "export"))
    assert printed("agents", "import", str(path))[0]["action"] == "unchanged"
    assert output("agents", "import", str(path)).endswith("Nothing to change.\n")
    AgentDefinition.objects.all().delete()
    assert "Would change 1 of 1" in output("agents", "import", str(path), "--dry-run")
    assert AgentDefinition.objects.count() == 0
    assert printed("agents", "import", str(path))[0]["action"] == "created"
    assert AgentDefinition.objects.get().instructions == "Be kind"


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '[{"slug": "x"}]', '"text"'])
def test_a_file_that_cannot_be_imported_is_said_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "agents.json"
    path.write_text(text)
    assert error_of("agents", "import", str(path)).returncode == 1
    assert error_of("agents", "import", str(tmp_path / "none")).returncode == 1
