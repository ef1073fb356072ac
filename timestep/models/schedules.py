"""Schedules and their ticks: each tick is unique by schedule and time."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from timestep.models.written_json import WrittenJSONField


class Overlap(models.TextChoices):
    """What a tick does while an earlier run of its schedule has not ended."""

    ALLOW = "allow", "Allow: start beside it"
    SKIP = "skip", "Skip the tick"
    QUEUE = "queue", "Queue: start after it ended"
    CANCEL_RUNNING = "cancel_running", "Cancel it, then start"


# Under these a run starts only when those of its schedule before it have ended.
WAITING_RULES = (Overlap.QUEUE, Overlap.CANCEL_RUNNING)


class Schedule(models.Model):
    """When an agent is launched by the clock: a definition's, or one that a program brought."""

    name = models.SlugField(primary_key=True, max_length=100)
    agent = models.CharField(
        max_length=100, help_text="Slug of the agent definition that it launches."
    )
    spec = models.ForeignKey(
        "timestep.AgentSpec",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="schedules",
        help_text="The agent of a program; empty: what the definition says at the tick.",
    )
    agent_version = models.PositiveIntegerField(
        null=True, blank=True, help_text="Always this version; empty: the latest at the tick."
    )
    input = WrittenJSONField()
    session_id = models.CharField(max_length=200, null=True, blank=True)
    session_spec = models.JSONField(
        null=True, blank=True, editable=False, help_text="How to open the session; empty: our own."
    )
    cron = models.CharField(max_length=200)
    timezone = models.CharField(max_length=100, default="UTC")
    queue = models.CharField(
        max_length=100, blank=True, default="", help_text="Empty: the agent's own."
    )
    priority = models.PositiveIntegerField(
        null=True, blank=True, help_text="Lower starts first; empty: after all that have one."
    )
    timeout_seconds = models.FloatField(
        null=True, blank=True, help_text="Executing time; empty: the agent's own."
    )
    overlap = models.CharField(max_length=20, choices=Overlap, default=Overlap.ALLOW)
    catch_up = models.BooleanField(
        default=False,
        help_text="Launch every tick that nobody was there for, not only the latest.",
    )
    starts_at = models.DateTimeField(
        null=True, blank=True, help_text="No tick before this; empty: at once."
    )
    ends_at = models.DateTimeField(
        null=True, blank=True, help_text="No tick after this; empty: never."
    )
    pause_after_failures = models.PositiveIntegerField(
        null=True, blank=True, help_text="Failed runs in a row after which it pauses itself."
    )
    counted_from = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When it was last resumed: failures before do not count any more.",
    )
    paused = models.BooleanField(default=False)
    paused_by = models.CharField(max_length=200, blank=True, default="", editable=False)
    paused_why = models.CharField(max_length=300, blank=True, default="", editable=False)
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    next_at = models.DateTimeField(null=True, blank=True, db_index=True, editable=False)
    last_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_from = models.CharField(max_length=200, blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class TickOutcome(models.TextChoices):
    """What came of a tick."""

    LAUNCHED = "launched", "Launched"
    SKIPPED = "skipped", "Skipped by the overlap rule"
    MISSED = "missed", "Missed: no worker was alive"
    FAILED = "failed", "Could not be launched"


class Tick(models.Model):
    """One firing of a schedule, inserted with the launch that it causes."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="ticks")
    at = models.DateTimeField()
    fired_at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=10, choices=TickOutcome, default=TickOutcome.LAUNCHED)
    run_id = models.CharField(max_length=128, null=True, blank=True)
    note = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ("schedule_id", "-at")
        constraints = (
            models.UniqueConstraint(fields=("schedule", "at"), name="timestep_tick_once"),
        )

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.at:%Y-%m-%d %H:%M:%S}"

    @property
    def lateness(self) -> timedelta:
        """How long after its time it fired."""
        return self.fired_at - self.at
