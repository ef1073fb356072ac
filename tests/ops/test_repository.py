"""What is kept beside the code: locks, scripts, documents."""

from __future__ import annotations

import os
import re
import tomllib
from typing import Any

import pytest

from tests.stack import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pinned(lock: str) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return dict(found)


def named(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=]", requirement)[0] for requirement in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address_and_no_path(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"://|--index-url|--find-links| @ |^/", text, re.MULTILINE)
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_locks_hold_what_is_asked_for_and_agree() -> None:
    runtime, development = pinned(LOCKS[0]), pinned(LOCKS[1])
    assert named(PROJECT["project"]["dependencies"]) <= set(runtime)
    assert named(PROJECT["dependency-groups"]["dev"]) <= set(development)
    assert runtime.items() <= development.items()


def test_every_dependency_is_explained() -> None:
    explained = (ROOT / "docs" / "dependencies.md").read_text()
    asked = named(PROJECT["project"]["dependencies"]) | named(PROJECT["dependency-groups"]["dev"])
    assert not {name for name in asked if name not in explained}


def test_scripts_can_be_run() -> None:
    scripts = [*(ROOT / "scripts").iterdir(), ROOT / ".ci" / "run"]
    for script in (path for path in scripts if path.suffix == ""):
        assert os.access(script, os.X_OK), script
        text = script.read_text()
        assert "python" in text.splitlines()[0] or "set -euo pipefail" in text
