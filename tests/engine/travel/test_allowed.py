"""Which modules a process imports because a spec names them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from agents import Agent
from pytest_django.fixtures import Settings

from tests.engine.travel import parts
from timestep.engine.travel import build, builder, describe, missing_here, register_tool
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
    monkeypatch.setattr(builder, "_failed", {})
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


def test_what_does_not_import_is_not_tried_all_the_time(
    package: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TIMESTEP_CODE = ["travel_shop"]
    tries = package / "tries"
    text = (
        f"with open({str(tries)!r}, 'a') as file:\n    file.write('x')\nraise RuntimeError('no')\n"
    )
    (package / "broken.py").write_text(text)
    assert {missing_here(_names("travel_shop.broken:f")) for _ in range(5)} == {
        "it needs travel_shop.broken, which does not import here: RuntimeError: no"
    }
    assert tries.read_text() == "x"
    monkeypatch.setattr(builder, "_TRY_AGAIN_SECONDS", 0.0)
    assert missing_here(_names("travel_shop.broken:f"))
    assert tries.read_text() == "xx"


def test_a_module_that_is_being_imported_is_not_waited_for(
    package: Path, settings: Settings
) -> None:
    settings.TIMESTEP_CODE = ["travel_shop"]
    half = ModuleType("travel_shop.fine")
    sys.modules["travel_shop.fine"] = half
    assert missing_here(_names("travel_shop.fine:f")) == (
        "it needs travel_shop.fine:f, which is not there"
    )
    exec("def f(context, agent): return 'now'", vars(half))
    assert missing_here(_names("travel_shop.fine:f")) == ""
