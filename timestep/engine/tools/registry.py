"""The tools that this process has, and the catalogue in which it publishes them.

Tools come from the demo (unless the setting `TIMESTEP_DEMO` is off), from the modules named in
the setting `TIMESTEP_TOOLS`, and from installed packages with entry points in `timestep.tools`.
A module offers what its list `TOOLS` holds, else every `FunctionTool` at its top level.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from agents import FunctionTool
from django.conf import settings
from django.db import transaction

from timestep.digests import tool_digest
from timestep.errors import DuplicateTool, ToolModuleError
from timestep.models import CatalogueTool
from timestep.services.workers import living_workers
from timestep.tools import options_of

GROUP = "timestep.tools"
DEMO_MODULE = "timestep.demo.tools"
MAX_DESCRIPTION = 4_000
MAX_SCHEMA = 64_000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
# The names of handoffs begin so.
_RESERVED = "transfer_to_"


@dataclass(frozen=True)
class RegisteredTool:
    """A tool as its module made it, and what the catalogue says about it.

    Args:
        tool: The tool itself.
        module: Where it comes from.
        schema_digest: Changes when its name or schema does, not with its description.
        needs_approval: Whether it asks for approval, always or for some calls.
        idempotent: Whether a call may be repeated when nobody knows whether it was made.
        title: The name shown to people.
    """

    tool: FunctionTool
    module: str
    schema_digest: str
    needs_approval: bool
    idempotent: bool
    title: str


def load_tools() -> dict[str, RegisteredTool]:
    """All tools by name.

    Raises:
        ToolModuleError: A module does not import, or offers what cannot be used.
        DuplicateTool: Two modules offer different tools under one name.
    """
    found: dict[str, RegisteredTool] = {}
    for module, tool in _offered():
        before = found.get(tool.name)
        if before is None:
            found[tool.name] = _registered(module, tool)
        elif before.tool is not tool:
            raise DuplicateTool(tool.name, before.module, module)
    return found


def publish_catalogue(tools: Mapping[str, RegisteredTool]) -> None:
    """Write what this process has into the catalogue.

    What is in it beyond that, and is on no other worker that lives, is marked gone.
    """
    # In one order everywhere: two workers that start together must not wait for one another.
    rows = [_row(tools[name]) for name in sorted(tools)]
    columns = [field.name for field in CatalogueTool._meta.concrete_fields if not field.primary_key]
    with transaction.atomic():
        here = {*tools, *_on_living_workers()}
        CatalogueTool.objects.filter(present=True).exclude(name__in=here).update(present=False)
        CatalogueTool.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["name"], update_fields=columns
        )


def _on_living_workers() -> set[str]:
    lists = living_workers().values_list("tools", flat=True)
    return {name for names in lists for name in names}


def _offered() -> Iterator[tuple[str, FunctionTool]]:
    """Every tool with the name of its module, in a fixed order."""
    modules = [DEMO_MODULE] if getattr(settings, "TIMESTEP_DEMO", True) else []
    for name in dict.fromkeys([*modules, *settings.TIMESTEP_TOOLS]):
        yield from ((name, tool) for tool in _tools_in(name, _imported(name)))
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        where = f"{point.value} (entry point {point.name})"
        yield from ((where, tool) for tool in _tools_in(where, _loaded(point, where)))


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except Exception as error:  # Foreign code may raise anything when it is imported.
        raise ToolModuleError(name, f"does not import: {_one_line(error)}") from error


def _loaded(point: EntryPoint, where: str) -> Any:
    try:
        return point.load()
    except Exception as error:  # Foreign code may raise anything when it is imported.
        raise ToolModuleError(where, f"does not import: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:500]


def _tools_in(where: str, offered: Any) -> list[FunctionTool]:
    """The tools of a module, or of what an entry point names: a module, a list or one tool."""
    if isinstance(offered, FunctionTool):
        return [offered]
    listed = getattr(offered, "TOOLS", None)
    if listed is None and hasattr(offered, "__dict__"):
        found = [value for value in vars(offered).values() if isinstance(value, FunctionTool)]
        if not found:
            raise ToolModuleError(where, "offers no tools; make some with @function_tool")
        return found
    return _checked_list(where, offered if listed is None else listed)


def _checked_list(where: str, listed: Any) -> list[FunctionTool]:
    entries = list(listed) if isinstance(listed, Iterable) else [listed]
    for entry in entries:
        if not isinstance(entry, FunctionTool):
            raise ToolModuleError(
                where, f"lists {entry!r:.80}, which is no tool; decorate it with @function_tool"
            )
    return entries


def _registered(module: str, tool: FunctionTool) -> RegisteredTool:
    _check(module, tool)
    options = options_of(tool)
    asks = tool.needs_approval is not False
    return RegisteredTool(
        tool=tool,
        module=module,
        schema_digest=tool_digest(tool.name, tool.params_json_schema),
        needs_approval=asks,
        idempotent=not asks if options.idempotent is None else options.idempotent,
        title=options.title or tool.name,
    )


def _check(module: str, tool: FunctionTool) -> None:
    """Refuse what the catalogue or a provider could not hold."""
    if not _NAME.fullmatch(tool.name):
        raise ToolModuleError(
            module, f"tool name {tool.name!r:.80} is not 1 to 64 of A-Z a-z 0-9 _ and -"
        )
    if tool.name.startswith(_RESERVED):
        raise ToolModuleError(
            module, f"tool name {tool.name!r} begins like those of handoffs; rename it"
        )
    try:
        size = len(json.dumps(tool.params_json_schema))
    except (TypeError, ValueError) as error:
        raise ToolModuleError(module, f"the schema of {tool.name} is not JSON: {error}") from error
    if size > MAX_SCHEMA:
        raise ToolModuleError(
            module, f"the schema of {tool.name} has {size} characters; {MAX_SCHEMA} are allowed"
        )


def _row(entry: RegisteredTool) -> CatalogueTool:
    return CatalogueTool(
        name=entry.tool.name,
        description=entry.tool.description[:MAX_DESCRIPTION],
        schema=entry.tool.params_json_schema,
        schema_digest=entry.schema_digest,
        needs_approval=entry.needs_approval,
        idempotent=entry.idempotent,
        module=entry.module[:300],
        present=True,
    )
