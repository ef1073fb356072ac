"""Where the `__main__` of a process lives, also after Python has forgotten it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from timestep import scripts
from timestep.engine.travel import CannotTravel, describe, describe_value
from timestep.engine.travel.wrapped import home_of


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module of a script."""
    made = ModuleType("__main__")
    made.__file__ = str(tmp_path / "job.py")
    (tmp_path / "job.py").touch()
    monkeypatch.setitem(sys.modules, "__main__", made)
    monkeypatch.setattr(scripts._Kept, "main", None)
    monkeypatch.setattr(scripts._Kept, "script", None)
    return made


def test_a_script_is_known_after_python_took_its_name_away(main: ModuleType) -> None:
    path = main.__file__
    assert scripts.own_script() == path
    del main.__file__
    assert scripts.own_script() == scripts.own_home() == path


def test_another_main_is_another_script(main: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert scripts.own_script()
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    assert scripts.own_script() is None


@pytest.mark.parametrize("named", ["<stdin>", "/dev/fd/63", "/nowhere/at/all.py"])
def test_what_is_no_file_is_a_session(main: ModuleType, named: str) -> None:
    main.__file__ = named
    assert scripts.own_script() is None
    assert scripts.is_session(scripts.own_home())
    assert scripts.own_home() == scripts.own_home()


def test_an_archive_is_a_file(main: ModuleType) -> None:
    main.__file__ = f"{main.__file__}/__main__.py"
    assert scripts.own_home() == main.__file__


def test_a_process_that_multiprocessing_started_runs_the_script() -> None:
    def made() -> None: ...

    made.__module__ = "__mp_main__"
    assert home_of(made) == "__main__"


def test_only_runs_may_need_a_session_without_a_file(main: ModuleType) -> None:
    exec(_NOTEBOOK, vars(main))
    main.__file__ = "<stdin>"
    agent = vars(main)["agent"]
    with pytest.raises(CannotTravel, match="session without a file"):
        describe(agent)
    assert describe(agent, session=True)["needs"]["script"] == scripts.own_home()
    value = describe_value(vars(main)["Note"]("x"), "context", session=True)
    assert value["script"] == scripts.own_home()


_NOTEBOOK = """
from dataclasses import dataclass
from agents import Agent, function_tool


@function_tool
def add(a: int) -> int:
    return a


@dataclass
class Note:
    text: str


agent = Agent(name="a", tools=[add])
"""
