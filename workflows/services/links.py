"""What a definition names: tools of the catalogue, and other definitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from timestep.errors import InvalidInput
from timestep.models import CatalogueTool
from workflows.models import AgentDefinition
from workflows.tool_choices import ToolChoice

MOST_TOOLS = 128
MOST_NEIGHBOURS = 64
# Providers accept function names of at most 64 characters.
LONGEST_FUNCTION = 64
PREFIXES = {"handoffs": "transfer_to_", "agent_tools": "ask_"}


def checked_tools(value: Any) -> list[ToolChoice]:
    """The tools, each once and present in the catalogue. Raises InvalidInput."""
    if not isinstance(value, list):
        raise InvalidInput("tools", "must be a list of tool names")
    if len(value) > MOST_TOOLS:
        raise InvalidInput("tools", f"has {len(value)} entries; {MOST_TOOLS} is the most")
    choices = [_tool_choice(entry) for entry in value]
    names = [choice.name for choice in choices]
    if twice := _first_twice(names):
        raise InvalidInput("tools", f"names {twice!r} twice")
    present = set(
        CatalogueTool.objects.filter(name__in=names, present=True).values_list("name", flat=True)
    )
    if gone := [name for name in names if name not in present]:
        raise InvalidInput(
            "tools",
            f"no worker has a tool named {', '.join(map(repr, gone))}; "
            "`manage.py tools sync` reads the tool modules again",
        )
    return choices


def _tool_choice(entry: Any) -> ToolChoice:
    if isinstance(entry, str):
        return ToolChoice(_short(entry))
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise InvalidInput("tools", 'an entry is a name or {"name": …, "needs_approval": …}')
    if unknown := entry.keys() - {"name", "needs_approval"}:
        raise InvalidInput("tools", f"{entry['name']!r} has an unknown member {min(unknown)!r}")
    override = entry.get("needs_approval")
    if override is not None and not isinstance(override, bool):
        raise InvalidInput("tools", f"needs_approval of {entry['name']!r} must be true or false")
    return ToolChoice(_short(entry["name"]), override)


def _short(name: str) -> str:
    if not 0 < len(name) <= 100 or not name.isprintable():
        raise InvalidInput("tools", "a tool name has 1 to 100 printable characters")
    return name


def checked_slugs(field: str, value: Any) -> list[str]:
    """A list of slugs, each once, each fit for the name of the tool that it becomes."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidInput(field, "must be a list of slugs of agents")
    if len(value) > MOST_NEIGHBOURS:
        raise InvalidInput(field, f"has {len(value)} entries; {MOST_NEIGHBOURS} is the most")
    if twice := _first_twice(value):
        raise InvalidInput(field, f"names {twice!r} twice")
    for slug in value:
        if len(function_name(field, slug)) > LONGEST_FUNCTION:
            longest = LONGEST_FUNCTION - len(PREFIXES[field])
            raise InvalidInput(
                field, f"the slug {slug[:100]!r} is longer than {longest} characters"
            )
    return list(value)


def function_name(field: str, slug: str) -> str:
    """The name under which a model sees a neighbour."""
    return PREFIXES[field] + slug.replace("-", "_")


def check_known(field: str, slug: str, named: list[str], planned: Mapping[str, list[str]]) -> None:
    """Every named definition exists, or is saved together with this one."""
    if field == "agent_tools" and slug in named:
        raise InvalidInput(field, f"{slug!r} names itself")
    known = {slug} | set(
        AgentDefinition.objects.filter(slug__in=named).values_list("slug", flat=True)
    )
    if nowhere := [one for one in named if one not in known and one not in planned]:
        raise InvalidInput(field, f"no agent has the slug {', '.join(map(repr, nowhere))}")


def check_function_names(cleaned: Mapping[str, Any], tools: list[ToolChoice]) -> None:
    """No two functions that the model sees have the same name."""
    taken = {choice.name for choice in tools}
    for field in PREFIXES:
        for slug in cleaned[field]:
            name = function_name(field, slug)
            if name in taken:
                raise InvalidInput(field, f"{slug!r} becomes the function {name}, which is taken")
            taken.add(name)


def check_nesting(slug: str, agent_tools: list[str], planned: Mapping[str, list[str]]) -> None:
    """No agent is, over agents used as tools alone, a tool of itself: it would call for ever."""
    edges = dict(AgentDefinition.objects.values_list("slug", "agent_tools"))
    edges |= {**planned, slug: agent_tools}
    seen: set[str] = set()
    wanted = list(agent_tools)
    while wanted:
        one = wanted.pop()
        if one == slug:
            raise InvalidInput("agent_tools", f"{slug!r} would be used as a tool of itself")
        if one not in seen:
            seen.add(one)
            wanted.extend(edges.get(one, []))


def _first_twice(names: list[str]) -> str | None:
    return next((name for i, name in enumerate(names) if name in names[:i]), None)
