"""What a program's own modules hold: the code that it may use because it has imported it itself.

A program that is started again, a web app for one, has the modules of its agents long before it
makes such an agent again. Runs that an earlier process left can go on as soon as they are there.
"""

from __future__ import annotations

import site
import sys
import sysconfig
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from agents import Agent, HostedMCPTool
from agents.mcp import MCPServer

from timestep import conf
from timestep.engine.travel import allowed
from timestep.engine.travel.describer import Describer
from timestep.engine.travel.hosted_tools import describe_hosted_tool
from timestep.engine.travel.mcp_servers import describe_server

_INSTALLED = frozenset({"site-packages", "dist-packages"})
_OURS = ("timestep", "approvals", "workflows", "timestep_site")
# The script's own module goes by its file, and never by these.
_MAINS = frozenset({"__main__", "__mp_main__"})
_LOOK_AGAIN_SECONDS = 2.0


class _Looked:
    """When the modules' values were looked through last."""

    at = 0.0


def trust_own_modules() -> None:
    """Let specs name code of modules that this process imports by itself, now or later.

    For programs, which have the agents' code anyway. None is imported because a spec names it,
    and of libraries a spec may name no more than before.
    """
    allowed.trust(is_own)


def is_own(name: str) -> bool:
    """Whether a module is imported, and is neither Python's, nor a library's, nor Timestep's."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if not isinstance(module, ModuleType) or not isinstance(file, str) or name in _MAINS:
        return False
    if name.partition(".")[0] in sys.stdlib_module_names or allowed.is_sdk(name):
        return False
    return not _is_library(file)


def find_servers() -> bool:
    """Allow the MCP servers that own modules hold, as if they had been described.

    A spec says how to start or reach one, which no import path leads to.

    Returns:
        Whether any is new.
    """
    if not allowed.trusts() or time.monotonic() - _Looked.at < _LOOK_AGAIN_SECONDS:
        return False
    parts = [part for value in _values() for part in _parts(value)]
    _Looked.at = time.monotonic()
    fresh = [part for part in parts if not allowed.was_described(part)]
    allowed.remember((), fresh)
    return bool(fresh)


def _values() -> Iterator[Any]:
    for name in list(sys.modules):
        if is_own(name) or name in _MAINS:
            yield from list(vars(sys.modules[name]).values())


def _parts(value: Any) -> list[Any]:
    """The descriptions of the servers that a module's value is, or has."""
    found = [*value.mcp_servers, *value.tools] if isinstance(value, Agent) else [value]
    parts: list[Any] = []
    for one in found:
        describer = Describer()
        if isinstance(one, MCPServer):
            describe_server(describer, one, "")
        elif isinstance(one, HostedMCPTool):
            describe_hosted_tool(describer, one, "")
        parts += [] if describer.problems else describer.parts
    return parts


@cache
def _is_library(file: str) -> bool:
    path = Path(file).resolve()
    if not _INSTALLED.isdisjoint(path.parts):
        return True
    return any(path.is_relative_to(place) for place in _places())


@cache
def _places() -> frozenset[Path]:
    """Where Python and its packages are installed, and Timestep itself."""
    own = [str(conf.SOURCE_TREE / name) for name in _OURS]
    paths = sysconfig.get_paths()
    installed = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    sites = [*site.getsitepackages(), site.getusersitepackages()]
    return frozenset(Path(place).resolve() for place in (*installed, *sites, *own))
