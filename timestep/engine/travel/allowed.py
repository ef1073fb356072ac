"""Which modules a spec may name, and which programs and servers.

A spec comes from the database, and whoever can write there must not choose what a worker
imports. Allowed are: modules of registered parts, those named in `TIMESTEP_TOOLS` and
`TIMESTEP_CODE`, modules that this process itself has described, and a few names of the SDK.
Programs also use the modules that their own code has imported (`own_parts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from timestep import conf
from timestep.digests import digest
from timestep.engine.travel.registered import registered_values
from timestep.engine.travel.wrapped import home_of

DEMO_MODULE = "timestep.demo.tools"
TOOLS_GROUP = "timestep.tools"
# Of the SDK a spec may name no more than what agents are made of: many of its functions change
# the whole process.
SDK_FUNCTIONS = frozenset(
    {
        "agents.tool:default_tool_error_function",
        "agents.handoffs.history:default_handoff_history_mapper",
        "agents.handoffs.history:nest_handoff_history",
        "agents.extensions.handoff_filters:remove_all_tools",
    }
)
SDK_CLASSES = frozenset(
    {
        "agents.model_settings:MCPToolChoice",
        "agents.retry:ModelRetrySettings",
        "agents.retry:ModelRetryBackoffSettings",
        "agents.memory.session_settings:SessionSettings",
        "agents.run_config:ToolExecutionConfig",
        "agents.tool:ComputerProvider",
    }
)
SDK = ("agents", "openai")
SDK_TYPES = "openai.types."


class _Trusted:
    """Knows the modules that this process has imported itself, in programs; in workers nothing."""

    is_own: Callable[[str], bool] | None = None


_described: set[str] = set()
_described_parts: set[str] = set()


def remember(modules: Iterable[str], parts: Iterable[Any]) -> None:
    """Allow what this process has described: its own code imported and made it.

    Args:
        modules: Names of modules.
        parts: Descriptions of MCP servers and hosted tools.
    """
    _described.update(modules)
    _described_parts.update(digest(part) for part in parts)


def was_described(part: Any) -> bool:
    """Whether this process itself has described exactly this."""
    return digest(part) in _described_parts


def trust(is_own: Callable[[str], bool]) -> None:
    """Allow the modules that a function knows for the process's own."""
    _Trusted.is_own = staticmethod(is_own)


def trusts() -> bool:
    """Whether this process uses the code that it has imported itself."""
    return _Trusted.is_own is not None


def may_import(module: str) -> bool:
    """Whether a spec may name code of this module."""
    if module in _described or module in _tool_modules():
        return True
    if _Trusted.is_own is not None and _Trusted.is_own(module):
        return True
    if any(_is_under(module, prefix) for prefix in (*_setting("TIMESTEP_TOOLS"), *_code())):
        return True
    return module in {home_of(value) for value in registered_values()}


def is_sdk(module: str) -> bool:
    """Whether the module belongs to the Agents SDK or OpenAI's client."""
    return any(_is_under(module, package) for package in SDK)


def sdk_offers(module: str, path: str) -> bool:
    """Whether a spec may name this of the SDK."""
    named = f"{module}:{path}"
    return named in SDK_FUNCTIONS or named in SDK_CLASSES or _is_openai_type(module, path)


def mcp_allowed(target: str) -> bool:
    """Whether the setting `TIMESTEP_MCP` names this command, or a beginning of this URL."""
    named = _setting("TIMESTEP_MCP")
    return target in named or any(
        target.startswith(entry if entry.endswith("/") else entry + "/")
        for entry in named
        if "://" in entry
    )


def _is_openai_type(module: str, path: str) -> bool:
    return module.startswith(SDK_TYPES) and not any(
        part.startswith("_") for part in (*module.split("."), path)
    )


def _is_under(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(prefix + ".")


def _code() -> list[str]:
    return _setting("TIMESTEP_CODE")


_READERS: dict[str, Callable[[], list[str]]] = {
    "TIMESTEP_TOOLS": conf.tool_modules,
    "TIMESTEP_CODE": conf.code_modules,
    "TIMESTEP_MCP": conf.mcp_servers,
}


def _setting(name: str) -> list[str]:
    """Django's setting; where Django has none yet, the environment, as in a script."""
    try:
        found: Any = getattr(settings, name, [])
    except ImproperlyConfigured:
        return _READERS[name]()
    return list(found)


def _tool_modules() -> set[str]:
    """The modules that workers take tools from without being told by a setting."""
    try:
        demo = getattr(settings, "TIMESTEP_DEMO", True)
    except ImproperlyConfigured:
        demo = True
    return {*_entry_points(), DEMO_MODULE} if demo else set(_entry_points())


@cache
def _entry_points() -> frozenset[str]:
    return frozenset(point.module for point in entry_points(group=TOOLS_GROUP))
