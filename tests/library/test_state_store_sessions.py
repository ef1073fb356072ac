"""Sessions of every kind under `run_agent_workflow`, and states that are found by their ids."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation
from tests.library.program import Program
from timestep.models import Run

OUTPUTS: Json = {"text": "{outputs}"}
KINDS = ("text", "own", "sqlite", "sqlalchemy", "openai")


@pytest.fixture
def name() -> str:
    """A session's id."""
    return f"talk-{secrets.token_hex(4)}"


@pytest.mark.parametrize("kind", KINDS)
def test_runs_of_a_session_remember_those_before(
    engine: Installation, program: Program, name: str, kind: str, tmp_path: Path
) -> None:
    place = {"kind": kind, "place": str(tmp_path / "chats.sqlite3")}
    engine.double.says(
        script(f"first {name}", {"calls": [call("fetch", tag="a", seconds=0)]}, {"text": "one"}),
        script(f"second {name}", {"text": "two"}),
    )
    session = "" if kind == "openai" else name
    inputs = [f"first {name}", f"second {name}"]
    said = program.call("talk", **place, name=session, inputs=inputs)
    assert said["outputs"] == ["one", "two"]
    assert [item.get("type") or "message" for item in said["items"]] == [
        "message",
        "function_call",
        "function_call_output",
        "message",
        "message",
        "message",
    ]
    [request] = engine.double.requests(f"second {name}", bodies=True)
    assert f"first {name}" in str(request["body"])


def test_a_run_of_another_kind_is_found_and_resumed_by_the_id_that_its_program_knows(
    engine: Installation, program: Program, name: str, tmp_path: Path
) -> None:
    pays = {"calls": [call("pay", tag="a", seconds=0)]}
    engine.double.says(script(f"pay {name}", pays, OUTPUTS))
    place = str(tmp_path / "chats.sqlite3")
    said = program.call("pay_in_session", kind="sqlite", name=name, place=place)
    assert said["status"] == "succeeded"
    assert [item.get("type") or "message" for item in said["items"]] == [
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]
    run = Run.objects.get(run_id=said["run_id"])
    assert str(run.session_id).startswith("sqlite:")
    assert run.session_spec is not None
    assert run.session_spec["id"] == name


def test_one_id_in_two_files_is_two_sessions_that_do_not_wait_for_each_other(
    engine: Installation, program: Program, name: str, tmp_path: Path
) -> None:
    slow = {"calls": [call("pay", tag="a", seconds=0)]}
    engine.double.says(script(f"waits {name}", slow, OUTPUTS))
    engine.double.says(script(f"quick {name}", {"text": "ok"}))
    files = [str(tmp_path / f"{letter}.sqlite3") for letter in "ab"]
    first = program.call("run_in_file", input_items=f"waits {name}", name=name, place=files[0])
    assert first["status"] == "awaiting_approval"
    assert (
        program.call("run_in_file", input_items=f"quick {name}", name=name, place=files[1])[
            "output"
        ]
        == "ok"
    )
    queued = program.call("queue_in_file", input_items=f"quick {name}", name=name, place=files[0])
    assert Run.objects.get(run_id=queued).status == "queued"
