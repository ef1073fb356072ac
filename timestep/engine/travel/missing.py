"""What a process lacks to build a spec: asked before a run is begun, as often as one likes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from timestep.engine.travel.builder import Builder, open_module
from timestep.engine.travel.hosted_tools import build_hosted_tool
from timestep.engine.travel.mcp_servers import KINDS as SERVERS
from timestep.engine.travel.mcp_servers import check_server
from timestep.engine.travel.own_parts import find_servers
from timestep.engine.travel.references import MAIN, MISSING, lookup
from timestep.engine.travel.registered import entry_named
from timestep.engine.travel.values import names_variable, parts_of
from timestep.errors import SpecNotBuildable
from timestep.scripts import is_session, own_home
from timestep.spec_version import SpecVersion


def missing_here(spec: Mapping[str, Any]) -> str:
    """Why this process cannot build a spec now, in one sentence, or an empty text.

    Modules that are allowed are imported by it, no others. What it misses may come: a script
    that registers a tool later, or that still defines its functions. Code that changed since
    the spec was written is not missing: that is for `build()` to refuse.
    """
    version = spec.get("spec_version") if isinstance(spec, Mapping) else None
    if version != SpecVersion.CODE:
        return f"the spec has version {version!r:.20}, this process builds {SpecVersion.CODE}"
    said = _said(spec)
    return _said(spec) if said and find_servers() else said


def _said(spec: Mapping[str, Any]) -> str:
    try:
        return next(_gaps(spec), "")
    except SpecNotBuildable as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a hostile spec must not stop the one who asks
        return f"the spec cannot be read: {type(error).__name__}"


def _gaps(spec: Mapping[str, Any]) -> Iterator[str]:
    script = spec["needs"]["script"]
    if script is not None and script != own_home():
        again = "which has ended" if is_session(script) else "run that script again"
        yield f"it needs the script {script}: {again}"
    for part in parts_of([spec["agents"], spec["run_config"], spec.get("context")]):
        if "registered" in part and not _is_registered(part["registered"]):
            yield f"it needs {part['registered']!r:.80}, which nothing has registered here"
        if "ref" in part:
            yield from _reference_gap(part["ref"])
        if names_variable(part) and part["env"] not in os.environ:
            yield f"it needs the environment variable {part['env']:.100}, which is not set here"
        if part.get("kind") in SERVERS:
            check_server(Builder(script), part, "an MCP server")
        if part.get("class") == "HostedMCPTool":
            build_hosted_tool(Builder(script), part, "a hosted MCP server")


def _is_registered(name: str) -> bool:
    return any(entry_named(kind, name) for kind in ("tool", "agent", "guardrail", "function"))


def _reference_gap(reference: str) -> Iterator[str]:
    module, _, name = reference.partition(":")
    if module == MAIN:
        found = lookup(sys.modules.get(MAIN), name)
    else:
        found = lookup(open_module(module, "it", name), name)
    if found is MISSING:
        yield f"it needs {reference:.200}, which is not there"
