"""What a program may use of what it has imported: its own modules, and none that a row names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from agents import Agent
from agents.mcp import MCPServerStdio

from timestep.engine.travel import allowed, build, describe, missing_here, own_parts
from timestep.engine.travel.own_parts import is_own, trust_own_modules


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A program's module that nobody has imported yet, in a process that is a program."""
    (tmp_path / "own_desk.py").write_text("def f(context, agent): return 'own'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_desk", raising=False)
    monkeypatch.setattr(allowed._Trusted, "is_own", None)
    monkeypatch.setattr(own_parts, "_LOOK_AGAIN_SECONDS", 0.0)
    trust_own_modules()
    return "own_desk"


def _names(reference: str) -> dict[str, Any]:
    spec = describe(Agent(name="a"))
    spec["agents"]["a"]["instructions"] = {"ref": reference}
    return spec


def test_what_the_program_imports_later_is_found_then(package: str) -> None:
    spec = _names(f"{package}:f")
    assert "may not import" in missing_here(spec)
    assert package not in sys.modules
    __import__(package)
    assert missing_here(spec) == ""
    assert build(spec).instructions(None, None) == "own"  # type: ignore[misc, operator, arg-type]


@pytest.mark.parametrize(
    "reference",
    [
        "os:system",
        "builtins:eval",
        "django.core.management:call_command",
        "timestep.services.cancel:cancel",
        "pytest:exit",
        "agents:set_default_openai_key",
    ],
)
@pytest.mark.usefixtures("package")
def test_libraries_and_timestep_itself_are_not_the_programs_own(reference: str) -> None:
    __import__(reference.partition(":")[0])
    assert not is_own(reference.partition(":")[0])
    assert missing_here(_names(reference))


@pytest.mark.usefixtures("package")
def test_what_is_no_module_of_a_file_is_not_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "made_up", ModuleType("made_up"))
    assert not any(is_own(name) for name in ("made_up", "__main__", "sys", "nowhere"))


def test_workers_use_nothing_but_what_they_were_told(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    __import__(package)
    monkeypatch.setattr(allowed._Trusted, "is_own", None)
    assert "may not import" in missing_here(_names(f"{package}:f"))


def test_a_server_that_a_module_holds_needs_no_naming(
    package: str, forget: Callable[[], None]
) -> None:
    server = MCPServerStdio({"command": "desk-tools", "args": ["serve"]})
    spec = describe(Agent(name="a", mcp_servers=[server]))
    forget()
    assert "would start desk-tools" in missing_here(spec)
    vars(__import__(package))["server"] = server
    assert missing_here(spec) == ""
    assert build(spec).mcp_servers[0].name == server.name


def test_a_server_of_an_agent_in_a_module_neither(package: str, forget: Callable[[], None]) -> None:
    agent = Agent(name="a", mcp_servers=[MCPServerStdio({"command": "desk-tools"})])
    spec = describe(agent)
    forget()
    vars(__import__(package))["agent"] = agent
    assert missing_here(spec) == ""
    other = describe(Agent(name="a", mcp_servers=[MCPServerStdio({"command": "rm"})]))
    forget()
    assert "would start rm" in missing_here(other)
