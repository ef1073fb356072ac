"""Queues: where first segments wait for a place and for their turn."""

from __future__ import annotations

from django.db import models

# What names no other queue waits here.
DEFAULT_QUEUE = "default"
# What a program runs itself, at once: it has no limits unless somebody sets them.
DIRECT_QUEUE = "direct"


def first_limits(name: str) -> dict[str, int | None]:
    """What a queue is made with, where nobody says otherwise, besides the columns' defaults."""
    return {"limit": None} if name == DIRECT_QUEUE else {}


class Queue(models.Model):
    """Limits of a queue: run starts per period, and concurrency. A paused one holds resumes too."""

    name = models.CharField(primary_key=True, max_length=100)
    limit = models.PositiveIntegerField(
        null=True, blank=True, default=50, help_text="Run starts per period; empty: no limit."
    )
    period_seconds = models.FloatField(default=60.0)
    concurrency = models.PositiveIntegerField(
        null=True, blank=True, help_text="Runs at one time over all workers; empty: no limit."
    )
    worker_concurrency = models.PositiveIntegerField(
        null=True, blank=True, help_text="Runs at one time on each worker; empty: no limit."
    )
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    paused_by = models.CharField(max_length=200, blank=True, default="", editable=False)
    paused_why = models.CharField(max_length=300, blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        permissions = (("operate_queue", "Can change limits, pause and move runs of queues"),)

    def __str__(self) -> str:
        return self.name

    @property
    def paused(self) -> bool:
        """Whether nothing of it starts or goes on."""
        return self.paused_at is not None
