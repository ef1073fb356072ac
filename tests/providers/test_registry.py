from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest
from agents import FunctionTool, function_tool
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from tests.providers.conftest import tool
from timestep.digests import digest
from timestep.engine.tools import registry
from timestep.engine.tools.registry import load_tools, publish_catalogue
from timestep.errors import DuplicateTool, ToolModuleError
from timestep.models import CatalogueTool
from timestep.tools import mark, tool_options

NAMES = ("tools_one", "tools_two")


@pytest.fixture
def modules(settings: Settings) -> Iterator[dict[str, Any]]:
    """Two empty modules named in the settings, without the demo's tools."""
    settings.TIMESTEP_DEMO = False
    settings.TIMESTEP_TOOLS = list(NAMES)
    made: dict[str, Any] = {name: ModuleType(name) for name in NAMES}
    for module in made.values():
        module.TOOLS = []
    sys.modules.update(made)
    yield made
    for name in NAMES:
        del sys.modules[name]


def needing_approval(name: str) -> FunctionTool:
    made = tool(name)
    made.needs_approval = True
    return made


def test_the_demo_is_there_unless_turned_off(settings: Settings) -> None:
    assert load_tools()["refund_order"].needs_approval
    assert load_tools()["refund_order"].title == "Refund an order"
    settings.TIMESTEP_DEMO = False
    assert load_tools() == {}


def test_tools_are_found_at_the_top_level_or_in_a_list(modules: dict[str, Any]) -> None:
    del modules["tools_one"].TOOLS
    modules["tools_one"].first = tool("first")
    modules["tools_two"].TOOLS = [tool("second")]
    modules["tools_two"].third = tool("third")
    assert {name: entry.module for name, entry in load_tools().items()} == {
        "first": "tools_one",
        "second": "tools_two",
    }


def test_idempotent_by_default_where_no_approval_is_needed(modules: dict[str, Any]) -> None:
    asking = mark(needing_approval("asking_but_safe"), idempotent=True)
    plain = mark(tool("plain_but_risky"), idempotent=False)
    modules["tools_one"].TOOLS = [needing_approval("asking"), tool("plain"), asking, plain]
    found = {name: entry.idempotent for name, entry in load_tools().items()}
    assert found == {
        "asking": False, "plain": True, "asking_but_safe": True, "plain_but_risky": False,
    }  # fmt: skip


def test_options_may_stand_on_either_side(modules: dict[str, Any]) -> None:
    @function_tool
    @tool_options(idempotent=False, title="Below")
    def below() -> str:
        return ""

    @tool_options(idempotent=False, title="Above")
    @function_tool
    def above() -> str:
        return ""

    modules["tools_one"].TOOLS = [below, above]
    assert [(t.title, t.idempotent) for t in load_tools().values()] == [
        ("Below", False), ("Above", False),
    ]  # fmt: skip


def test_the_digest_is_of_name_and_schema(modules: dict[str, Any]) -> None:
    modules["tools_one"].TOOLS = [tool("t", "one text")]
    first = load_tools()["t"].schema_digest
    modules["tools_one"].TOOLS = [tool("t", "another text")]
    assert load_tools()["t"].schema_digest == first
    assert first == digest({"name": "t", "schema": tool("t").params_json_schema})
    modules["tools_one"].TOOLS = [tool("t", n={"type": "integer"})]
    assert load_tools()["t"].schema_digest != first


def test_one_name_twice_is_refused_and_one_tool_twice_is_not(modules: dict[str, Any]) -> None:
    same = tool("same")
    modules["tools_one"].TOOLS = [same]
    modules["tools_two"].TOOLS = [same]
    assert list(load_tools()) == ["same"]
    modules["tools_two"].TOOLS = [tool("same")]
    with pytest.raises(DuplicateTool, match="'same' is offered by tools_one and by tools_two"):
        load_tools()


@pytest.mark.parametrize(
    ("offered", "why"),
    [
        ([print], "is no tool"),
        ([tool("white space")], "is not 1 to 64 of"),
        ([tool("x" * 65)], "is not 1 to 64 of"),
        ([tool("transfer_to_me")], "handoffs"),
        ([tool("big", p={"description": "x" * 70_000})], "characters"),
        ([tool("odd", p=object())], "is not JSON"),
    ],
)
def test_what_cannot_be_used_is_refused(
    modules: dict[str, Any], offered: list[Any], why: str
) -> None:
    modules["tools_one"].TOOLS = offered
    with pytest.raises(ToolModuleError, match=why) as caught:
        load_tools()
    assert caught.value.module == "tools_one"


def test_a_module_without_tools_is_refused(modules: dict[str, Any]) -> None:
    del modules["tools_one"].TOOLS
    with pytest.raises(ToolModuleError, match="'tools_one': offers no tools"):
        load_tools()


def test_a_module_that_does_not_import_is_named_in_one_line(settings: Settings) -> None:
    settings.TIMESTEP_TOOLS = ["no_such_module_here"]
    with pytest.raises(ToolModuleError) as caught:
        load_tools()
    assert str(caught.value) == (
        "tools module 'no_such_module_here': does not import: "
        "ModuleNotFoundError: No module named 'no_such_module_here'"
    )


def test_packages_offer_tools_by_entry_points(
    modules: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    modules["tools_one"].extra = tool("extra")
    point = EntryPoint("extra", "tools_one:extra", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    assert load_tools()["extra"].module == "tools_one:extra (entry point extra)"


@pytest.mark.django_db
def test_publishing_updates_and_marks_what_is_gone(modules: dict[str, Any]) -> None:
    modules["tools_one"].TOOLS = [tool("stays", "old"), tool("goes")]
    publish_catalogue(load_tools())
    modules["tools_one"].TOOLS = [tool("stays", "new" * 3_000), needing_approval("comes")]
    publish_catalogue(load_tools())
    rows = CatalogueTool.objects.values_list("name", "present", "needs_approval", "idempotent")
    assert sorted(rows) == [
        ("comes", True, True, False), ("goes", False, False, True), ("stays", True, False, True),
    ]  # fmt: skip
    assert len(CatalogueTool.objects.get(name="stays").description) == registry.MAX_DESCRIPTION


@pytest.mark.django_db
def test_the_command_publishes_and_lists(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("tools")
    assert "No tools yet" in capsys.readouterr().out
    call_command("tools", "sync", "--json")
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert listed["refund_order"]["needs_approval"]
    assert not listed["refund_order"]["idempotent"]
    assert listed["get_weather"]["module"] == "timestep.demo.tools"
    call_command("tools")
    assert "needs approval, not idempotent" in capsys.readouterr().out


@pytest.mark.django_db
def test_the_command_says_which_module_is_broken(settings: Settings) -> None:
    settings.TIMESTEP_TOOLS = ["no_such_module_here"]
    with pytest.raises(CommandError, match="no_such_module_here"):
        call_command("tools", "sync")
    assert not CatalogueTool.objects.exists()
