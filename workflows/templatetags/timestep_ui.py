"""What every page needs: icons, statuses, times, figures."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from timestep.letters import isolated
from timestep.models import Run, RunStatus
from workflows.selectors.failing import Failing
from workflows.selectors.runs import RunRow
from workflows.selectors.timeline import dom_id
from workflows.selectors.timeline_rows import Row

register = template.Library()

# One icon per status: colour alone never says it.
STATUS_ICONS = {
    "queued": "clock",
    "running": "loader-2",
    "awaiting_approval": "hand-stop",
    "succeeded": "circle-check",
    "failed": "circle-x",
    "cancelled": "ban",
    "timed_out": "hourglass",
}
REQUEST_ICONS = {
    "pending": "hand-stop",
    "approved": "circle-check",
    "rejected": "circle-x",
    "expired": "hourglass",
    "resolved": "circle-check",
    "void": "ban",
}


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """An icon of the vendored sprite. Decoration only: the words beside it say what it means."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>',
        extra,
        static("vendor/tabler/icons.svg"),
        name,
    )


# A timeline row's icon: by its state where that says more than what kind of call it is.
STATE_ICONS = {
    "running": ("loader-2", "spin s-running"),
    "failed": ("circle-x", "s-failed"),
    "stopped": ("ban", "s-ok"),
    "unknown": ("help", "s-unknown"),
    "approve": ("check", "s-ok"),
    "reject": ("x", "s-failed"),
    "deny": ("x", "s-failed"),
    "expired": ("hourglass", "s-failed"),
}
WAITING_KINDS = ("model", "hold")
KIND_ICONS = {
    "model": "message-chatbot",
    "tool": "tool",
    "guardrail": "shield-check",
    "approval": "hand-stop",
    "hold": "alert-octagon",
}


@register.simple_tag
def row_icon(row: Row) -> SafeString:
    """The icon of a timeline row."""
    if row.state == "waiting" and row.kind in WAITING_KINDS:
        return icon("hourglass", "s-waiting")
    kind = KIND_ICONS.get(row.kind, "help")
    name, extra = STATE_ICONS.get(row.state, (kind, "s-ok"))
    return icon(name, extra)


@register.simple_tag
def status(value: str) -> SafeString:
    """A run's status: icon, word and colour."""
    words = dict(RunStatus.choices).get(value, value)
    return _mark(value, STATUS_ICONS.get(value, "help"), words)


@register.simple_tag
def status_word(value: str) -> str:
    """A run's status as a word within a sentence."""
    return value.replace("_", " ")


@register.simple_tag
def request_status(value: str) -> SafeString:
    """An approval request's status: icon, word and colour."""
    words = "Waiting" if value == "pending" else value.capitalize()
    return _mark(f"request-{value}", REQUEST_ICONS.get(value, "help"), words)


@register.simple_tag
def status_dot(value: str) -> SafeString:
    """A run's status as a mark of one icon, for strips of many runs."""
    name = STATUS_ICONS.get(value, "help")
    return format_html('<span class="st st-{}">{}</span>', value, icon(name))


def _mark(value: str, name: str, words: str) -> SafeString:
    return format_html('<span class="st st-{}">{}<span>{}</span></span>', value, icon(name), words)


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """A time as "12 s ago", with the absolute time on hover; timestep.js keeps it fresh."""
    return _time(moment, "ago", lambda seconds: f"{span(seconds)} ago") if moment else ""


@register.filter
def elapsed(moment: datetime | None) -> SafeString | str:
    """The time since a moment as "12 s", counting on the page."""
    return _time(moment, "since", span) if moment else ""


@register.filter
def ahead(moment: datetime | None) -> SafeString | str:
    """A time to come as "in 12 min", or "now" once it has come."""
    if moment is None:
        return ""
    left = max(0.0, (moment - timezone.now()).total_seconds())
    return _time(moment, "in", lambda _: f"in {span(left)}" if left >= 1 else "now")


@register.filter
def clock(moment: datetime | None) -> SafeString | str:
    """The time of day of a moment, with the whole of it on hover."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    words = local.strftime("%H:%M:%S")
    return _time(moment, "", lambda _: words)


def _time(moment: datetime, data: str, words: Any) -> SafeString:
    seconds = max(0.0, (timezone.now() - moment).total_seconds())
    iso = moment.isoformat(timespec="milliseconds")
    title = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    shape = '<time datetime="{}" title="{}" data-time="{}">{}</time>'
    return format_html(shape, iso, title, data, words(seconds))


@register.filter
def span(seconds: float) -> str:
    """A length of time in its one or two largest units."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    for size, unit, below, small in ((60, "min", 3600, ""), (3600, "h", 86400, "min")):
        if whole < below:
            rest = whole % size // 60 if small else 0
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    days, hours = divmod(whole // 3600, 24)
    return f"{days} d" + (f" {hours} h" if hours and days < 10 else "")


@register.filter
def epoch(moment: datetime | None) -> str:
    """Milliseconds since 1970, for scripts."""
    return "" if moment is None else str(int(moment.timestamp() * 1000))


@register.filter
def ms(value: int | float | None) -> str:
    """Milliseconds as "210 ms", "2.1 s" or "3 min 4 s"."""
    if value is None:
        return ""
    if value < 1000:
        return f"{int(value)} ms"
    if value < 60_000:
        return f"{value / 1000:.1f} s"
    minutes, seconds = divmod(int(value // 1000), 60)
    return f"{minutes} min {seconds} s" if minutes < 60 else span(value / 1000)


@register.filter
def number(value: int | None) -> str:
    """A whole number with thousands separated."""
    return "" if value is None else f"{value:,}"


@register.simple_tag
def copy(text: str, what: str = "id") -> SafeString:
    """A button that copies a text; without JavaScript it does not show."""
    shape = (
        '<button type="button" class="copy needs-js" data-copy="{}" '
        'aria-label="Copy {}" title="Copy {}">{}</button>'
    )
    return format_html(shape, text, what, what, icon("copy"))


@register.simple_tag
def copy_from(element: str, what: str) -> SafeString:
    """A button that copies the text of another element."""
    shape = (
        '<button type="button" class="copy needs-js" data-copy="" data-copy-from="{}" '
        'aria-label="Copy {}" title="Copy {}">{}</button>'
    )
    return format_html(shape, element, what, what, icon("copy"))


@register.simple_tag
def agent_link(name: str) -> SafeString | str:
    """A link to the page of an agent that has a definition."""
    name = str(name or "")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        return isolated(name)
    return _link(reverse("agent", args=[name]), name)


@register.simple_tag
def run_agent(run: Run | RunRow | Failing) -> SafeString | str:
    """A link from a run to its agent: its page, or for an agent of a script its runs."""
    if run.agent_version is not None:
        return agent_link(run.agent)
    if not run.agent.isprintable():
        return isolated(run.agent)
    return _link(reverse("runs", query={"agent": run.agent}), run.agent)


def _link(url: str, name: str) -> SafeString:
    """A link that says a name as it was given, in its own direction."""
    return format_html('<a href="{}">{}</a>', url, isolated(name))


@register.filter
def took(run: Run | RunRow) -> str:
    """How long a run took, or is taking since it started."""
    if run.started_at is None:
        return ""
    end = run.finished_at or timezone.now()
    return ms((end - run.started_at).total_seconds() * 1000)


OUTCOMES = {
    "approve": "approved",
    "reject": "rejected",
    "deny": "denied",
    "happened": "it happened",
    "run_again": "run it again",
    "fail": "fail the run",
}


@register.filter
def outcome(value: str) -> str:
    """What was decided, in words."""
    return OUTCOMES.get(value, value)


@register.filter
def step_id(step: str) -> str:
    """The element id of a step's row in the timeline."""
    return dom_id("step", str(step))


@register.filter
def short_id(value: str) -> str:
    """An id that fits a column; the whole one is on hover and in the link."""
    return value if len(value) <= 18 else f"{value[:8]}…{value[-6:]}"
