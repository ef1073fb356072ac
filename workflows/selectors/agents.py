"""Agent definitions as pages show them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from approvals.access import EVERYTHING, Sight
from timestep.models import CatalogueTool, Run
from workflows.errors import AgentNotFound
from workflows.models import AgentDefinition, AgentVersion
from workflows.selectors.activity import tokens_by_day
from workflows.selectors.charts import Chart
from workflows.selectors.closures import reachable
from workflows.selectors.runs import RunFilters, RunRow, runs_page
from workflows.selectors.workers import MissingKey, missing_keys
from workflows.tool_choices import ToolChoice, tool_choices

MOST_AGENTS = 1000
VERSIONS_SHOWN = 50
RECENT_RUNS = 20


@dataclass(frozen=True)
class ToolMark:
    """A tool in the list of agents: its name, and whether a person approves each call."""

    name: str
    needs_approval: bool


@dataclass(frozen=True)
class AgentRow:
    """One definition in the list of agents, and its last run."""

    slug: str
    name: str
    model: str
    version: int
    active: bool
    tools: list[ToolMark]
    handoffs: list[str]
    agent_tools: list[str]
    last_run_id: str | None
    last_run_at: datetime | None
    last_run_status: str | None

    @property
    def is_demo(self) -> bool:
        """Whether the agent speaks with the offline demo model."""
        return self.model.startswith("demo/")


@dataclass(frozen=True)
class ToolView:
    """A tool of an agent. `present` is false where no worker publishes it any more."""

    name: str
    needs_approval: bool
    overridden: bool
    idempotent: bool = False
    description: str = ""
    schema: dict[str, Any] = field(default_factory=dict)
    module: str = ""
    present: bool = False


@dataclass(frozen=True)
class AgentPage:
    """All that an agent's page shows."""

    definition: AgentDefinition
    versions: list[AgentVersion]
    recent_runs: list[RunRow]
    tools: list[ToolView]
    used_by: list[str]
    missing_keys: list[MissingKey]
    last_input: str | list[Any] | None
    tokens: Chart | None

    @property
    def is_demo(self) -> bool:
        """Whether the agent speaks with the offline demo model."""
        return self.definition.model.startswith("demo/")


def agents_overview(sight: Sight = EVERYTHING) -> list[AgentRow]:
    """Every definition that is seen, by slug, with its last run."""
    last = Run.objects.filter(agent=OuterRef("slug")).order_by("-created_at", "-run_id")
    seen = AgentDefinition.objects.filter(sight.agents_in("slug"))
    rows = seen.defer("instructions", "output_type").annotate(
        last_run_id=Subquery(last.values("run_id")[:1]),
        last_run_at=Subquery(last.values("created_at")[:1]),
        last_run_status=Subquery(last.values("status")[:1]),
    )
    found = list(rows.order_by("slug")[:MOST_AGENTS])
    asking = set(CatalogueTool.objects.filter(needs_approval=True).values_list("name", flat=True))
    return [_row(row, asking) for row in found]


def _row(row: Any, asking: set[str]) -> AgentRow:
    choices = tool_choices(row.tools)
    return AgentRow(
        slug=row.slug,
        name=row.name,
        model=row.model,
        version=row.latest_version,
        active=row.active,
        tools=[ToolMark(one.name, one.effective(one.name in asking)) for one in choices],
        handoffs=row.handoffs,
        agent_tools=row.agent_tools,
        last_run_id=row.last_run_id,
        last_run_at=row.last_run_at,
        last_run_status=row.last_run_status,
    )


def get_definition(slug: str) -> AgentDefinition:
    """The definition with this slug. Raises AgentNotFound."""
    found = AgentDefinition.objects.filter(slug=slug).first()
    if found is None:
        raise AgentNotFound(slug)
    return found


def agent_page(slug: str, sight: Sight = EVERYTHING) -> AgentPage:
    """What the page of an agent shows. Raises AgentNotFound, also where it is not seen."""
    if not sight.sees(slug):
        raise AgentNotFound(slug)
    definition = get_definition(slug)
    everyone = reachable(slug)
    return AgentPage(
        definition=definition,
        versions=list(definition.versions.select_related("saved_by")[:VERSIONS_SHOWN]),
        recent_runs=runs_page(RunFilters(agent=slug), limit=RECENT_RUNS).rows,
        tools=agent_tools(definition),
        used_by=[user for user in used_by(slug) if sight.sees(user)],
        missing_keys=missing_keys({one.slug: one.model for one in everyone}),
        last_input=last_input(slug),
        tokens=tokens_by_day(slug),
    )


def agent_tools(definition: AgentDefinition) -> list[ToolView]:
    """The definition's tools as the catalogue describes them, in the definition's order."""
    choices = tool_choices(definition.tools)
    catalogue = CatalogueTool.objects.in_bulk([choice.name for choice in choices])
    return [_tool_view(choice, catalogue.get(choice.name)) for choice in choices]


def _tool_view(choice: ToolChoice, tool: CatalogueTool | None) -> ToolView:
    overridden = choice.needs_approval is not None
    if tool is None:
        return ToolView(choice.name, bool(choice.needs_approval), overridden)
    return ToolView(
        name=choice.name,
        needs_approval=choice.effective(tool.needs_approval),
        overridden=overridden,
        idempotent=tool.idempotent,
        description=tool.description,
        schema=tool.schema,
        module=tool.module,
        present=tool.present,
    )


def used_by(slug: str) -> list[str]:
    """Slugs of the definitions that hand off to this one or call it as a tool."""
    rows = AgentDefinition.objects.values_list("slug", "handoffs", "agent_tools")
    return [other for other, handoffs, tools in rows if slug in handoffs or slug in tools]


def last_input(slug: str) -> str | list[Any] | None:
    """The input of the agent's latest run, ready for the next one."""
    latest = Run.objects.filter(agent=slug).order_by("-created_at", "-run_id")
    found: str | list[Any] | None = latest.values_list("input", flat=True).first()
    return found
