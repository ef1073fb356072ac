"""Which modules a process imports because a spec names them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from agents import Agent
from pytest_django.fixtures import Settings

from tests.engine.travel import parts
from timestep.engine.travel import build, describe, missing_here, register_tool
from timestep.errors import SpecNotBuildable

HERE = "tests.engine.travel.parts"


@pytest.fixture
def spec(forget: Callable[[], None]) -> dict[str, Any]:
    """A spec from another process."""
    made = describe(Agent(name="a", tools=[parts.look_up], instructions=parts.instruct))
    forget()
    return made


def test_what_this_process_described_is_allowed() -> None:
    spec = describe(Agent(name="a", tools=[parts.look_up]))
    assert missing_here(spec) == ""
    assert build(spec).tools == [parts.look_up]


def test_what_nobody_here_named_is_not(spec: dict[str, Any]) -> None:
    says = f"agent 'a'.instructions names code in {HERE}, which this process may not import; "
    with pytest.raises(SpecNotBuildable) as raised:
        build(spec)
    assert str(raised.value).startswith(says)
    assert "TIMESTEP_CODE" in str(raised.value)
    assert f"names code in {HERE}" in missing_here(spec)


@pytest.mark.parametrize("setting", ["TIMESTEP_TOOLS", "TIMESTEP_CODE"])
@pytest.mark.parametrize("named", [HERE, "tests.engine.travel", "tests"])
def test_what_a_setting_names_is_allowed(
    spec: dict[str, Any], settings: Settings, setting: str, named: str
) -> None:
    setattr(settings, setting, ["other", named])
    assert missing_here(spec) == ""
    assert build(spec).tools == [parts.look_up]


@pytest.mark.parametrize("named", ["tests.engine.travel.part", "tests.engine.other", "test"])
def test_names_that_only_begin_alike_allow_nothing(
    spec: dict[str, Any], settings: Settings, named: str
) -> None:
    settings.TIMESTEP_CODE = [named]
    assert missing_here(spec)
    with pytest.raises(SpecNotBuildable):
        build(spec)


def test_the_module_of_a_registered_part_is_allowed(spec: dict[str, Any]) -> None:
    register_tool(parts.refund)
    assert missing_here(spec) == ""
    assert build(spec).instructions is parts.instruct


def test_the_demos_tools_are_allowed_where_there_is_a_demo(settings: Settings) -> None:
    spec = describe(Agent(name="a"))
    spec["agents"]["a"]["instructions"] = {"ref": "timestep.demo.tools:no_such"}
    assert "which is not there" in missing_here(spec)
    settings.TIMESTEP_DEMO = False
    assert "may not import" in missing_here(spec)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that says when it is imported."""
    made = tmp_path / "travel_shop"
    made.mkdir()
    (made / "__init__.py").write_text("")
    (made / "fine.py").write_text("def f(context, agent): return 'fine'\n")
    (made / "broken.py").write_text("raise RuntimeError('no database\\nhere')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("travel_shop", "travel_shop.fine", "travel_shop.broken"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return made


def _names(reference: str) -> dict[str, Any]:
    spec = describe(Agent(name="a"))
    spec["agents"]["a"]["instructions"] = {"ref": reference}
    return spec


def test_nothing_is_imported_that_is_not_allowed(package: Path) -> None:
    spec = _names("travel_shop.fine:f")
    assert missing_here(spec)
    with pytest.raises(SpecNotBuildable):
        build(spec)
    assert "travel_shop" not in sys.modules


def test_what_is_allowed_is_imported(package: Path, settings: Settings) -> None:
    settings.TIMESTEP_CODE = ["travel_shop"]
    spec = _names("travel_shop.fine:f")
    assert missing_here(spec) == ""
    assert callable(build(spec).instructions)


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("travel_shop.broken:f", "does not import here: RuntimeError: no database here"),
        ("travel_shop.gone:f", "does not import here: ModuleNotFoundError"),
        ("travel_shop.fine:gone", "needs travel_shop.fine:gone, which is not there"),
    ],
)
def test_what_is_allowed_and_not_there(
    package: Path, settings: Settings, reference: str, says: str
) -> None:
    settings.TIMESTEP_CODE = ["travel_shop"]
    assert says in missing_here(_names(reference))
    with pytest.raises(SpecNotBuildable, match=says):
        build(_names(reference))
