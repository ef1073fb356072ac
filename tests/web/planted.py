"""Secrets in every column that holds text, of every model: found by the registry of models."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models
from django.utils import timezone

from approvals.models import AgentAccess, Delivery, Notice, Webhook
from tests.approvals.everything import Everything
from tests.workflows.rows import agent, run, tool, worker
from timestep.models import (
    Hold,
    ModelLimit,
    Queue,
    Run,
    RunEvent,
    RunStatus,
    Schedule,
    Tick,
    TickOutcome,
)

# What every planted value has in it, and no page by itself.
MARK = "4f9aB7cD2e"
APPS = ("timestep", "approvals", "workflows")
# Columns whose content is a structure of ours that code reads back, digests, and names of things
# of ours that are chosen from a list which is no column's `choices`.
STRUCTURE = {
    "AgentDefinition.tools", "AgentDefinition.handoffs", "AgentDefinition.agent_tools",
    "AgentVersion.content", "AgentVersion.fields", "AgentSpec.body", "ApprovalRequest.rules",
    "ApprovalRequest.schema", "AuditEntry.act", "CatalogueTool.schema", "Policy.reminders",
    "Policy.conditions", "Policy.agent", "Policy.tool", "RunEvent.kind", "RunEvent.step",
    "Schedule.cron", "Schedule.timezone", "Segment.decisions", "Vote.fills", "Decision.outcome",
    "Worker.queues", "Worker.replays", "Worker.scripts", "Run.session_spec",
    "ApprovalRequest.call_id",
}  # fmt: skip
_numbers = itertools.count(100)


def installation() -> Everything:
    """Rows of everything that pages, commands and the admin show."""
    made = Everything()
    agent("desk", instructions="Help.")
    tool("refund_order")
    worker("w-1")
    failed = run("r-failed", status=RunStatus.FAILED, finished_at=timezone.now(), error={})
    RunEvent.objects.create(
        run=failed, seq=1, kind="tool.finished", step="0.1", at=timezone.now(),
        payload={"tool": "t", "call_id": "c", "arguments": "{}", "output": "x"},
    )  # fmt: skip
    Run.objects.filter(pk=failed.pk).update(last_seq=1)
    Queue.objects.create(name="mail", paused_at=timezone.now())
    Hold.objects.create(kind="tool", name="wipe", placed_by="x", placed_why="x")
    ModelLimit.objects.create(pattern="openai/*", requests_per_minute=5)
    plan = Schedule.objects.create(name="nightly", agent="desk", cron="0 3 * * *", input="x")
    Tick.objects.create(schedule=plan, at=timezone.now(), outcome=TickOutcome.FAILED, note="x")
    hook = Webhook.objects.create(name="hook", url="https://h.example/", secret="x")
    Delivery.objects.create(notice=Notice.objects.all()[0], webhook=hook)
    AgentAccess.objects.filter(pk=made.access.pk).update(user=made.ana)
    return made


def plant() -> list[str]:
    """Put a secret into every column that can hold one, of every row; which columns."""
    return [name for model in _models() for name in _planted(model)]


def _models() -> Iterator[type[models.Model]]:
    for label in APPS:
        yield from apps.get_app_config(label).get_models()


def _planted(model: type[models.Model]) -> Iterator[str]:
    for field in model._meta.concrete_fields:
        name = f"{model.__name__}.{field.name}"
        if name in STRUCTURE or not _holds_text(field):
            continue
        for row in model._default_manager.all():
            secret = _secret(field, getattr(row, field.name))
            model._default_manager.filter(pk=row.pk).update(**{field.name: secret})
        yield name


def _holds_text(field: models.Field[Any, Any]) -> bool:
    if field.primary_key or field.is_relation or field.choices or "digest" in field.name:
        return False
    if isinstance(field, models.CharField):
        return (field.max_length or 0) >= 60 and not field.name.endswith("_hash")
    return isinstance(field, models.TextField | models.JSONField)


def _secret(field: models.Field[Any, Any], value: Any) -> Any:
    number = next(_numbers)
    value = {} if value is None and field.name == "error" else value
    if isinstance(field, models.CharField):
        return f"sk-{MARK}-{number}-1234567890"
    if isinstance(field, models.TextField):
        return f"it said password={MARK}{number}"
    if isinstance(value, dict):
        return value | {"password": f"{MARK}{number}", "message": f"api_key={MARK}{number}"}
    return value if isinstance(value, list) else f"it said password={MARK}{number}"
