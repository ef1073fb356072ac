"""Workers: processes that execute."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class WorkerKind(models.TextChoices):
    """What a process that executes was started for."""

    WORKER = "worker", "Worker"
    SCRIPT = "script", "Script"


class Worker(models.Model):
    """A worker's heartbeat row. A silent one is claimed by a sweeper, and its runs taken over."""

    worker_id = models.CharField(primary_key=True, max_length=100)
    kind = models.CharField(max_length=10, choices=WorkerKind, default=WorkerKind.WORKER)
    script = models.CharField(
        max_length=500, blank=True, default="", help_text="The file that a script runs."
    )
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    birth = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="Where and when the process began, by which its death is known on its machine.",
    )
    engine_version = models.PositiveIntegerField()
    replays = models.JSONField(
        default=list, help_text="The engine versions whose begun runs it can take over."
    )
    providers = models.JSONField(
        default=dict, help_text="Model provider prefix → whether its key is set. Never the key."
    )
    tools = models.JSONField(default=list, help_text="Names of the tools that it has.")
    # With a default of the database's: in a rolling deploy, workers of the release before this
    # column register too.
    queues = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        help_text="The queues that it takes from; empty: all.",
    )
    started_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now, db_index=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    drain_asked_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since then it finishes what it has and takes nothing new.",
    )
    drain_asked_by = models.CharField(max_length=200, blank=True, default="")
    swept_by = models.CharField(max_length=100, null=True, blank=True)

    class Meta:
        ordering = ("-started_at",)
        permissions = (("drain_worker", "Can drain workers"),)

    def __str__(self) -> str:
        return self.worker_id

    def serves(self, queue: str) -> bool:
        """Whether it takes what waits in a queue, new or begun."""
        return not self.queues or queue in self.queues

    def can_take(self, version: int, *, begun: bool) -> bool:
        """Whether its engine can execute a run that another version of the engine has, or began.

        Args:
            version: The run's engine version.
            begun: Whether the run has begun: then its steps must be replayed as they were made.
        """
        if begun:
            return version == self.engine_version or version in self.replays
        return version <= self.engine_version
