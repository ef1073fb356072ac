"""`scripts/setup`, with a Python that is not good enough, and with nothing to do."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import ROOT

# Answers as Python would; pip writes down what it was asked for.
FAKE = """#!{python}
import os, sys, pathlib
words = " ".join(sys.argv[1:])
if "--version" in words: print("Python {version}")
elif "version_info" in words: sys.exit({wrong_version})
elif "ensurepip" in words: sys.exit({no_venv})
elif words.startswith("-m venv"):
    bin = pathlib.Path(sys.argv[-1], "bin"); bin.mkdir(parents=True)
    bin.joinpath("python").symlink_to(pathlib.Path(__file__).resolve())
elif "pip install" in words: print("PIP", words)
elif "hashlib" in words: os.execv("{python}", ["{python}", *sys.argv[1:]])
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts")
    for name in ("requirements.lock", "requirements-dev.lock"):
        (tmp_path / name).write_text(name)
    return tmp_path


def fake_python(tree: Path, version: str, wrong_version: int = 0, no_venv: int = 0) -> Path:
    path = tree / "fake-python"
    path.write_text(
        FAKE.format(
            python=sys.executable, version=version, wrong_version=wrong_version, no_venv=no_venv
        )
    )
    path.chmod(0o755)
    return path


def setup(tree: Path, python: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"TIMESTEP_PYTHON": str(python)}
    environment.pop("TIMESTEP_VENV", None)
    command = [str(tree / "scripts" / "setup"), *words]
    return subprocess.run(
        command, env=environment, cwd="/", capture_output=True, text=True, check=False
    )


def test_a_python_that_is_too_old(tree: Path) -> None:
    done = setup(tree, fake_python(tree, "3.9.2", wrong_version=1))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "error: Timestep needs Python 3.11 to 3.14 and found Python 3.9.2; "
        "install one, or name it in TIMESTEP_PYTHON\n"
    )


def test_a_python_without_venv(tree: Path) -> None:
    done = setup(tree, fake_python(tree, "3.11.2", no_venv=1))
    assert done.returncode == 1
    assert "has no venv; install it (Debian: apt-get install python3-venv)" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tree / ".venv").exists()


def test_no_python_at_all(tree: Path) -> None:
    done = setup(tree, tree / "nowhere")
    assert done.returncode == 1
    assert "Timestep needs Python 3.11" in done.stderr.splitlines()[-1]


def test_it_installs_once_and_again_when_the_lock_changes(tree: Path) -> None:
    python = fake_python(tree, "3.11.2")
    assert "--require-hashes --requirement requirements.lock" in setup(tree, python).stdout
    assert setup(tree, python).stdout == ""
    (tree / "requirements.lock").write_text("changed")
    assert "PIP" in setup(tree, python).stdout
    stamp = (tree / ".venv" / "timestep-installed").read_text().strip()
    assert stamp == hashlib.sha256(b"changed").hexdigest()


def test_the_test_dependencies_serve_for_both(tree: Path) -> None:
    python = fake_python(tree, "3.11.2")
    setup(tree, python)
    assert "requirements-dev.lock" in setup(tree, python, "--dev").stdout
    assert setup(tree, python).stdout == ""
