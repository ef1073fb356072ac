"""Who sees, launches and decides what an agent does, where that is not everybody with the role."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models


class AgentAccess(models.Model):
    """One person or group that one agent is for. An agent with such rows is for nobody else.

    `agent` is a slug, and not a key to a definition: agents of programs have none. Who is named
    cannot be deleted: with its last row an agent would be for everybody again.
    """

    agent = models.CharField(
        max_length=100, db_index=True, help_text="Slug; from the first row on, for nobody else."
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    group = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    launches = models.BooleanField(
        default=False, help_text="Launches, cancels and retries runs of the agent."
    )
    decides = models.BooleanField(default=False, help_text="Decides on calls of the agent.")

    class Meta:
        ordering = ("agent", "pk")
        verbose_name_plural = "agent access"
        permissions = (("access_every_agent", "Can see every agent, whoever it is for"),)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(user__isnull=True) ^ models.Q(group__isnull=True),
                name="approvals_access_one_of_both",
                violation_error_message="Name a user or a group, and not both.",
            ),
            models.UniqueConstraint(
                fields=("agent", "user"),
                condition=models.Q(user__isnull=False),
                name="approvals_access_user",
            ),
            models.UniqueConstraint(
                fields=("agent", "group"),
                condition=models.Q(group__isnull=False),
                name="approvals_access_group",
            ),
        )

    def __str__(self) -> str:
        return f"{self.agent}: {self.user or self.group}"
