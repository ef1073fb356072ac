"""Demo content: agents and a paused schedule, installed once per database."""

from __future__ import annotations

from django.db import transaction

from timestep.demo import CONCIERGE_INPUT, DEMO_AGENTS
from timestep.models import Schedule
from timestep.services.schedules import save_schedule
from workflows.models import AgentDefinition, InstalledContent
from workflows.services.exchange import import_definitions

MARK = "demo"
DEMO_SCHEDULE = {
    "name": "demo-morning-weather",
    "agent": "concierge",
    "input": CONCIERGE_INPUT,
    "cron": "0 8 * * *",
    "timezone": "UTC",
    "paused": True,
}


@transaction.atomic
def install_demo_content() -> bool:
    """Install what the demo needs, once: what a person deleted since does not come back.

    The tool catalogue must have been synced before.

    Returns:
        Whether this call installed it.

    Raises:
        ImportRefused: The catalogue lacks a demo tool; nothing was installed.
    """
    _, first_time = InstalledContent.objects.get_or_create(name=MARK)
    if not first_time:
        return False
    slugs = [agent["slug"] for agent in DEMO_AGENTS]
    taken = set(AgentDefinition.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    import_definitions([agent for agent in DEMO_AGENTS if agent["slug"] not in taken])
    if not Schedule.objects.filter(name=DEMO_SCHEDULE["name"]).exists():
        save_schedule(DEMO_SCHEDULE)
    return True
