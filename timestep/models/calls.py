"""Tool calls that were started: the honest half of exactly once."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class ToolStart(models.Model):
    """Written durably before a tool that is not idempotent is called.

    A start without a checkpoint, found when the segment is executed again, means that nobody
    knows whether the tool did its work: the run then asks a person (*outcome unknown*).
    """

    run = models.ForeignKey(
        "timestep.Run", on_delete=models.CASCADE, related_name="tool_starts", db_index=False
    )
    segment = models.CharField(max_length=140)
    step = models.PositiveIntegerField(help_text="The reserved DBOS step id within the segment.")
    call_id = models.CharField(max_length=200)
    tool = models.CharField(max_length=100)
    agent = models.CharField(max_length=100)
    arguments = models.TextField()
    started_at = models.DateTimeField(default=timezone.now)
    raised_at = models.DateTimeField(
        null=True, blank=True, help_text="The tool ended with an error that we saw."
    )
    unknown_at = models.DateTimeField(
        null=True, blank=True, help_text="When a later execution found no outcome and asked."
    )
    resolution = models.JSONField(
        null=True,
        blank=True,
        help_text='A person\'s answer: {"outcome": "happened"|"run_again", "result": …}.',
    )

    class Meta:
        ordering = ("run_id", "id")
        constraints = (
            models.UniqueConstraint(fields=("run", "call_id"), name="timestep_tool_start_call"),
        )

    def __str__(self) -> str:
        return f"{self.tool} {self.call_id}"
