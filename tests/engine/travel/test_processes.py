"""From one process to another: the same bytes, the same agents, the same script."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engine.travel.everything import ENVIRONMENT, SECRET, config, everything
from tests.stack import ROOT
from timestep.digests import canonical_json
from timestep.engine.travel import describe

SCRIPT = """
import json, sys
from agents import Agent, function_tool
from timestep.engine.travel import (
    build, build_value, describe, describe_value, missing_here, register_tool
)
from timestep.errors import SpecNotBuildable
from dataclasses import dataclass

@dataclass
class Place:
    name: str

@function_tool
def own_tool(text: str) -> str:
    return text

def instructions(context, agent):
    return "from the script"

agent = Agent(name="a", instructions=instructions, tools=[own_tool])

if sys.argv[1] == "describe":
    context = describe_value({"at": Place("here")}, "context")
    print(json.dumps({"spec": describe(agent), "context": context}))
else:
    kept = json.load(sys.stdin)
    try:
        built = build(kept["spec"])
        at = build_value(kept["context"])["at"]
        answer = [built.instructions(None, None), built.tools[0] is own_tool, at == Place("here")]
    except SpecNotBuildable as error:
        answer = str(error)
    print(json.dumps({"missing": missing_here(kept["spec"]), "answer": answer}))
"""


def _run(*command: str, given: str = "", **variables: str) -> Any:
    names = [name for name in os.environ if not name.startswith(("TIMESTEP_", "DJANGO_"))]
    kept = {name: os.environ[name] for name in names}
    done = subprocess.run(
        [sys.executable, *command],
        input=given,
        env=kept | {"PYTHONPATH": str(ROOT)} | variables,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("seed", ["0", "4711"])
def test_another_process_builds_the_same_from_the_same_bytes(
    seed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    spec = describe(everything(), run_config=config())
    variables = ENVIRONMENT | {"PYTHONHASHSEED": seed, "TIMESTEP_CODE": "tests.engine.travel.parts"}
    found = _run("-m", "tests.engine.travel.other_process", given=json.dumps(spec), **variables)
    text = canonical_json(spec)
    assert SECRET not in text
    assert found == {
        "missing": "",
        "imported_before": False,
        "built": text,
        "own": text,
        "differences": [],
    }


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A script of a user's, with all its parts in it."""
    path = tmp_path_factory.mktemp("scripts") / "script.py"
    path.write_text(SCRIPT)
    return path


@pytest.fixture(scope="module")
def kept(script: Path) -> Any:
    """What the script described when it ran the first time."""
    return _run(str(script), "describe")


def test_what_lives_in_a_script_is_built_by_the_same_script(script: Path, kept: Any) -> None:
    assert kept["spec"]["needs"]["script"] == str(script.resolve())
    assert kept["spec"]["needs"]["modules"] == []
    found = _run(str(script), "build", given=json.dumps(kept))
    assert found == {"missing": "", "answer": ["from the script", True, True]}


def test_the_same_script_is_the_same_file_wherever_it_is_started(script: Path, kept: Any) -> None:
    link = script.with_name("linked.py")
    link.symlink_to(script)
    found = _run(str(link), "build", given=json.dumps(kept))
    assert found["answer"] == ["from the script", True, True]


def test_another_script_waits_for_the_first(script: Path, kept: Any) -> None:
    other = script.with_name("other.py")
    other.write_text(SCRIPT)
    found = _run(str(other), "build", given=json.dumps(kept))
    assert found["missing"] == f"it needs the script {script.resolve()}: run that script again"
    assert f"lives in the script {script.resolve()}; run that script again" in found["answer"]


def test_a_script_that_no_longer_has_a_part_says_so(script: Path, kept: Any) -> None:
    text = script.read_text()
    try:
        script.write_text(
            text.replace("def instructions", "def renamed").replace(
                "instructions=instructions", "instructions=renamed"
            )
        )
        found = _run(str(script), "build", given=json.dumps(kept))
    finally:
        script.write_text(text)
    assert found["missing"] == "it needs __main__:instructions, which is not there"
    assert "needs __main__:instructions, which is not there" in found["answer"]


def test_what_has_no_file_cannot_travel() -> None:
    code = SCRIPT.replace(
        'print(json.dumps({"spec": describe(agent), ', "print(json.dumps({"
    ).replace('describe_value({"at": Place("here")}, "context")', "_said()")
    said = "def _said():\n  try: describe(agent)\n  except Exception as error: return str(error)\n"
    found = _run("-c", said + code, "describe")
    lines = found["context"].splitlines()
    assert lines[0].startswith("agent 'a'.instructions: is defined in a session without a file")
