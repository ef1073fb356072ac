"""Schedules and their ticks: each tick is unique by schedule and time."""

from __future__ import annotations

from django.db import models


class Schedule(models.Model):
    """When an agent is launched by the clock."""

    name = models.SlugField(primary_key=True, max_length=100)
    agent = models.ForeignKey(
        "workflows.AgentDefinition", on_delete=models.PROTECT, related_name="schedules"
    )
    input = models.JSONField()
    cron = models.CharField(max_length=200)
    timezone = models.CharField(max_length=100, default="UTC")
    active = models.BooleanField(default=True)
    next_at = models.DateTimeField(null=True, blank=True, db_index=True, editable=False)
    last_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Tick(models.Model):
    """One firing of a schedule, inserted with the launch that it causes."""

    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="ticks")
    at = models.DateTimeField()
    run_id = models.CharField(max_length=128, null=True, blank=True)
    note = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("schedule_id", "-at")
        constraints = (
            models.UniqueConstraint(fields=("schedule", "at"), name="workflows_tick_once"),
        )

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.at:%Y-%m-%d %H:%M:%S}"
