"""What pages of schedules need: times in two zones, and what came of a tick."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from timestep.letters import isolated
from timestep.models import Schedule
from timestep.services.upcoming import Upcoming
from workflows.selectors.schedules import TickRow, local_text
from workflows.templatetags.timestep_ui import icon

register = template.Library()

_OUTCOMES = {
    "launched": ("circle-check", "tick-launched", "Launched"),
    "skipped": ("arrow-right", "tick-skipped", "Skipped"),
    "missed": ("clock", "tick-missed", "Missed"),
    "failed": ("circle-x", "tick-failed", "Not launched"),
}


@register.filter
def here(at: datetime) -> SafeString:
    """A time in the viewer's zone, which only the browser knows; in UTC where it has no script."""
    shape = '<time datetime="{}" data-time="here">{}</time>'
    utc = at.astimezone(UTC)
    return format_html(shape, f"{utc:%Y-%m-%dT%H:%M:%SZ}", f"{utc:%a %Y-%m-%d} {_clock(utc)} UTC")


@register.simple_tag
def local_time(one: Upcoming) -> str:
    """A time to come, in the schedule's zone; seconds only where there are any."""
    return f"{one.local:%a %Y-%m-%d} {_clock(one.local)} {one.local:%Z}"


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


@register.simple_tag
def in_zone(at: datetime, zone: str) -> str:
    """A time in a zone."""
    return local_text(at, zone)


@register.simple_tag
def version_rule(schedule: Schedule) -> str:
    """Which version of its agent a schedule launches."""
    if schedule.spec_id is not None:
        return "as the program brought it"
    pinned = schedule.agent_version
    return "latest version" if pinned is None else f"always v{pinned}"


@register.simple_tag
def schedule_link(name: str) -> SafeString:
    """A link to the page of a schedule; to its runs where the name is none of a schedule."""
    named = re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name)
    url = reverse("schedule", args=[name]) if named else reverse("runs", query={"schedule": name})
    return format_html('<a href="{}">{}</a>', url, isolated(name))


@register.simple_tag
def tick_mark(tick: TickRow) -> SafeString:
    """What came of a tick: icon, word and colour."""
    name, style, words = _OUTCOMES.get(tick.outcome, ("help", "", tick.label))
    return format_html('<span class="st {}">{}<span>{}</span></span>', style, icon(name), words)
