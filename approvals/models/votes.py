"""Votes: approvals of a request that needs several; and whom a request asks."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.utils import timezone

from approvals.models.requests import ApprovalRequest


class Vote(models.Model):
    """One of several approvals that a request needs; the last one also makes the decision.

    A rejection is no vote: one is enough, so it is the decision.
    """

    request = models.ForeignKey(ApprovalRequest, on_delete=models.CASCADE, related_name="votes")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    user_name = models.CharField(max_length=200)
    reason = models.TextField(blank=True, default="")
    via = models.CharField(max_length=200)
    arguments_digest = models.CharField(max_length=64, help_text="Of what was shown.")
    fills = models.JSONField(
        default=list, help_text="Ids of the groups that the vote counts for; null: needs without."
    )
    for_run = models.BooleanField(
        default=False, help_text="Meant for the rest of the run, if all others mean it as well."
    )
    at = models.DateTimeField(default=timezone.now)
    voided_at = models.DateTimeField(null=True, blank=True)
    void_reason = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ("at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("request", "user"),
                condition=models.Q(voided_at__isnull=True),
                name="approvals_vote_once",
            ),
        )

    def __str__(self) -> str:
        return f"approve by {self.user_name}, with others still to approve"


class Asked(models.Model):
    """A group or a user whom a request asks; requests that ask everybody have no such rows."""

    request = models.ForeignKey(ApprovalRequest, on_delete=models.CASCADE, related_name="asked")
    group = models.ForeignKey(Group, null=True, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )

    class Meta:
        verbose_name_plural = "asked"

    def __str__(self) -> str:
        return str(self.group or self.user)
