"""Grants: one approval that also counts for further calls of its run."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from approvals.models.requests import ApprovalRequest


class Grant(models.Model):
    """What an approver allowed for the rest of a run.

    It counts for calls of the same agent and tool that meet the same policy, as long as that says
    what it said when the approver read it.
    """

    run = models.ForeignKey("timestep.Run", on_delete=models.CASCADE, related_name="grants")
    agent = models.CharField(max_length=100)
    tool = models.CharField(max_length=100)
    policy_name = models.CharField(max_length=100)
    rules_digest = models.CharField(max_length=64)
    request = models.OneToOneField(
        ApprovalRequest,
        on_delete=models.CASCADE,
        related_name="grant",
        help_text="The request that was approved for the rest of the run.",
    )
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    granted_by_name = models.CharField(max_length=200)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self.tool} of {self.run_id} by {self.granted_by_name}"
