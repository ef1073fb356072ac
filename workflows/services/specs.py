"""Agent specs: the closure of an agent over its neighbours, as workers build it."""

from __future__ import annotations

from typing import Any

from timestep.models import AgentSpec, CatalogueTool
from timestep.services.specs import store_spec
from timestep.spec_version import SpecVersion
from workflows.errors import AgentInactive, AgentNotFound, SpecIncomplete, VersionNotFound
from workflows.models import AgentDefinition, AgentVersion
from workflows.tool_choices import ToolChoice, tool_choices

_COPIED = (
    "name",
    "instructions",
    "model",
    "model_settings",
    "handoffs",
    "agent_tools",
    "output_type",
    "max_turns",
)


def version_of(slug: str, number: int | None = None) -> AgentVersion:
    """A version of an active agent: the one asked for, else the latest.

    Raises:
        AgentNotFound: No definition has this slug.
        AgentInactive: The definition is switched off.
        VersionNotFound: It has no version with this number.
    """
    definition = AgentDefinition.objects.filter(slug=slug).first()
    if definition is None:
        raise AgentNotFound(slug)
    if not definition.active:
        raise AgentInactive(slug)
    wanted = definition.latest_version if number is None else number
    version = definition.versions.filter(number=wanted).first()
    if version is None:
        raise VersionNotFound(slug, wanted)
    return version


def spec_for(version: AgentVersion) -> AgentSpec:
    """The spec of a version: it and the latest versions of all that it reaches, stored once.

    Raises:
        SpecIncomplete: A neighbour is deleted or inactive, or a tool is present no more.
    """
    return store_spec(spec_body(version))


def spec_body(version: AgentVersion) -> dict[str, Any]:
    """The body of a spec; see docs/concepts.md, "Agent spec"."""
    start = version.definition_id
    versions = closure(version)
    choices = {slug: tool_choices(one.body["tools"]) for slug, one in versions.items()}
    catalogue = _catalogue({choice.name for row in choices.values() for choice in row})
    agents = {}
    for slug, one in versions.items():
        agents[slug] = {
            "slug": slug,
            "version": one.number,
            **{name: one.body[name] for name in _COPIED},
            "tools": [_tool(start, slug, choice, catalogue) for choice in choices[slug]],
        }
    return {"spec_version": SpecVersion.DEFINITIONS.value, "start": start, "agents": agents}


def closure(version: AgentVersion) -> dict[str, AgentVersion]:
    """The version and the latest ones of all it reaches, by slug; cycles end by themselves."""
    start = version.definition_id
    found = {start: version}
    wanted = _named(version)
    while wanted := wanted - found.keys():
        level = _latest(start, wanted)
        found.update(level)
        wanted = {name for one in level.values() for name in _named(one)}
    return found


def _named(version: AgentVersion) -> set[str]:
    return {*version.body["handoffs"], *version.body["agent_tools"]}


def _latest(start: str, slugs: set[str]) -> dict[str, AgentVersion]:
    definitions = AgentDefinition.objects.in_bulk(sorted(slugs))
    for slug in sorted(slugs):
        if slug not in definitions:
            raise SpecIncomplete(start, f"the agent {slug!r}, which it needs, was deleted")
        if not definitions[slug].active:
            raise SpecIncomplete(start, f"the agent {slug!r}, which it needs, is inactive")
    rows = AgentVersion.objects.filter(definition_id__in=sorted(slugs))
    latest = {slug: one.latest_version for slug, one in definitions.items()}
    return {row.definition_id: row for row in rows if row.number == latest[row.definition_id]}


def _catalogue(names: set[str]) -> dict[str, CatalogueTool]:
    return CatalogueTool.objects.filter(present=True).in_bulk(sorted(names))


def _tool(
    start: str, slug: str, choice: ToolChoice, catalogue: dict[str, CatalogueTool]
) -> dict[str, Any]:
    tool = catalogue.get(choice.name)
    if tool is None:
        raise SpecIncomplete(start, f"no worker has the tool {choice.name!r} of {slug!r} any more")
    return {
        "name": tool.name,
        "digest": tool.schema_digest,
        "needs_approval": choice.effective(tool.needs_approval),
        "idempotent": tool.idempotent,
    }
