"""Holds: the emergency stop, of everything, of one agent or of one tool."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class HoldKind(models.TextChoices):
    """What a hold stops."""

    EVERYTHING = "everything", "Everything"
    AGENT = "agent", "One agent"
    TOOL = "tool", "One tool"


# Constraint names are part of the interface: services translate them into named errors.
ONE_HOLD = "timestep_hold_one_of_each"


class Hold(models.Model):
    """While it is not released, what it names makes no model call and no tool call."""

    kind = models.CharField(max_length=10, choices=HoldKind)
    name = models.CharField(
        max_length=100, blank=True, default="", help_text="The agent or tool; empty: everything."
    )
    placed_by = models.CharField(max_length=200)
    placed_why = models.CharField(max_length=300)
    placed_at = models.DateTimeField(default=timezone.now)
    released_by = models.CharField(max_length=200, blank=True, default="")
    released_why = models.CharField(max_length=300, blank=True, default="")
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-placed_at", "-id")
        permissions = (("operate_hold", "Can stop and release agents and tools"),)
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "name"),
                condition=models.Q(released_at__isnull=True),
                name=ONE_HOLD,
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.name}".strip()
