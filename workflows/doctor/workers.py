"""The processes that execute: alive, of one version, on one clock, with the keys they need."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone

from timestep.engine_version import ENGINE_VERSION
from timestep.models import CatalogueTool, Worker, WorkerKind
from timestep.services.workers import living_processes
from workflows.doctor.findings import Finding, Findings, count, ok, problem, some, warning
from workflows.models import AgentDefinition
from workflows.selectors.workers import alive_workers, missing_keys
from workflows.tool_choices import tool_choices

MOST_SKEW = timedelta(seconds=1)
_START = "start one: `python manage.py worker`"


def workers() -> Findings:
    """Who is alive, and who fell silent."""
    alive = list(living_processes())
    yield _alive([one for one in alive if one.kind == WorkerKind.WORKER])
    scripts = [one for one in alive if one.kind == WorkerKind.SCRIPT]
    if scripts:
        files = some(one.script or one.worker_id for one in scripts)
        yield ok("scripts", f"{count(len(scripts), 'script')} alive: {files}")
    yield from _versions(alive)
    yield from _silent({one.worker_id for one in alive})
    yield _clock()


def _alive(alive: list[Worker]) -> Finding:
    if not alive:
        return problem("workers", "no worker is alive: runs wait, schedules too", _START)
    now = timezone.now()
    ages = ", ".join(
        f"{one.worker_id} (heard of {max(0.0, (now - one.heartbeat_at).total_seconds()):.0f} s ago)"
        for one in alive[:5]
    )
    return ok("workers", f"{count(len(alive), 'worker')} alive: {ages}")


def _versions(alive: list[Worker]) -> Findings:
    others = [one.worker_id for one in alive if one.engine_version != ENGINE_VERSION]
    if others:
        said = f"another engine version than this code's ({ENGINE_VERSION}): {some(others)}"
        yield warning("versions", said, "end the rollout: restart them with this release")
    elif alive:
        yield ok("versions", f"all have engine version {ENGINE_VERSION}")


def _silent(alive: set[str]) -> Findings:
    """Rows that nobody has claimed yet: a living worker does so within seconds."""
    rows = Worker.objects.filter(stopped_at__isnull=True, swept_by__isnull=True)
    silent = [one.worker_id for one in rows if one.worker_id not in alive]
    if silent:
        mend = "their runs are taken over within 15 s" if alive else _START
        yield warning("silent workers", f"not heard of for 10 s: {some(silent)}", mend)


def _clock() -> Finding:
    if connection.vendor == "sqlite":
        return ok("clock", "database and host have one clock")
    before = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        there: datetime = cursor.fetchone()[0]
    skew = there - before - (datetime.now(UTC) - before) / 2
    said = f"the database's clock is {abs(skew.total_seconds()):.1f} s "
    said += "ahead of this host's" if skew > timedelta() else "behind this host's"
    if abs(skew) > MOST_SKEW:
        return warning("clock", said, "let both set their clocks by NTP")
    return ok("clock", said)


def keys() -> Findings:
    """Which keys active agents need and no living worker has. Names only."""
    active = AgentDefinition.objects.filter(active=True).order_by("slug")
    models = dict(active.values_list("slug", "model"))
    if models and not alive_workers():
        yield warning("keys", "unknown while no worker is alive", _START)
        return
    agents: dict[str, list[str]] = {}
    for one in missing_keys(models):
        agents.setdefault(one.variable, []).append(one.agent)
    for variable, slugs in agents.items():
        said = f"no living worker has {variable}, which these need: {some(slugs)}"
        yield problem("keys", said, "set it in a worker's environment, and start that worker again")
    if not agents:
        yield ok("keys", f"living workers have what {count(len(models), 'active agent')} need")


def tools() -> Findings:
    """Tools that active agents name and no worker has."""
    present = set(CatalogueTool.objects.filter(present=True).values_list("name", flat=True))
    active = AgentDefinition.objects.filter(active=True).order_by("slug")
    lost = [
        f"{choice.name} of {slug}"
        for slug, named in active.values_list("slug", "tools")
        for choice in tool_choices(named)
        if choice.name not in present
    ]
    if lost:
        mend = "name its module in TIMESTEP_TOOLS of the workers, or take it off the agent"
        yield problem("tools", f"no worker has {some(lost)}", mend)
    else:
        yield ok("tools", f"{count(len(present), 'tool')} in the catalogue; none is missing")
