"""Policies: which calls ask people, whom, how many of them, and until when."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.validators import MinValueValidator
from django.db import models


class Effect(models.TextChoices):
    """What a policy says of the calls that meet it."""

    ASK = "ask", "Ask people"
    ALLOW = "allow", "Allow"
    DENY = "deny", "Deny"


class OnExpiry(models.TextChoices):
    """What happens when a deadline passes. Nothing is ever approved by waiting."""

    # The value is older than the word: an expired request is no rejected one.
    REJECT = "reject", "Expire: the call is not made"
    ESCALATE = "escalate", "Ask another group"


class Policy(models.Model):
    """One rule. Of the active ones, in their order, the first that a call meets is its policy."""

    name = models.CharField(max_length=100, unique=True)
    position = models.PositiveIntegerField(
        default=100, help_text="Policies are read from the lowest number up; the first match wins."
    )
    active = models.BooleanField(default=True)
    agent = models.CharField(
        max_length=100,
        blank=True,
        default="",
        help_text="Slug of the agent that makes the call; * and ? stand for any. Empty: any agent.",
    )
    tool = models.CharField(
        max_length=100,
        blank=True,
        default="",
        help_text="Name of the tool; * and ? stand for any. Empty: any tool.",
    )
    conditions = models.JSONField(
        default=list,
        blank=True,
        help_text='All must hold, such as [{"field": "amount", "op": "greater", "value": 100}].',
    )
    effect = models.CharField(max_length=10, choices=Effect, default=Effect.ASK)
    users = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="+",
        help_text="Who fills the needs that name no group. Empty: whoever may decide at all.",
    )
    four_eyes = models.BooleanField(
        default=True, help_text="Whoever launched the run may not decide."
    )
    allow_for_run = models.BooleanField(
        default=False,
        help_text="Approvers may approve further calls that meet this policy in the same run.",
    )
    deadline_seconds = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Empty: no deadline."
    )
    on_expiry = models.CharField(max_length=10, choices=OnExpiry, default=OnExpiry.REJECT)
    escalate_to = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    escalation_seconds = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How long the other group has; then it expires. Empty: as long as the first.",
    )
    reminders = models.JSONField(
        default=list, blank=True, help_text="Seconds before the deadline, for example [3600, 600]."
    )

    class Meta:
        ordering = ("position", "pk")
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return self.name


class PolicyNeed(models.Model):
    """So many approvers of a group, or of whoever may decide. Each person fills one need only."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="needs")
    group = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the users of the policy, or whoever may decide at all.",
    )
    count = models.PositiveSmallIntegerField(default=1, validators=[MinValueValidator(1)])

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(fields=("policy", "group"), name="approvals_need_once"),
            models.UniqueConstraint(
                fields=("policy",),
                condition=models.Q(group__isnull=True),
                name="approvals_need_of_anyone_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.count} of {self.group or 'those who may decide'}"
