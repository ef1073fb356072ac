"""Telling people: what is to be told, to whom, and how far each message has come."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from approvals.models.requests import ApprovalRequest


class Webhook(models.Model):
    """An address that is told of every request, in a signed body that Slack takes as well."""

    name = models.CharField(max_length=100, unique=True)
    url = models.CharField(max_length=1000, help_text="https://… of Slack, Mattermost, or yours.")
    secret = models.CharField(max_length=200, help_text="Signs what is sent.")
    agent = models.CharField(
        max_length=100,
        blank=True,
        default="",
        help_text="Slug of the agent that makes the call; * and ? stand for any. Empty: any agent.",
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class NoticeKind(models.TextChoices):
    """What has happened to a request that people are told."""

    ASKED = "asked", "Asked"
    REMINDER = "reminder", "Reminder"
    ESCALATED = "escalated", "Escalated"
    HANDED_OVER = "handed_over", "Handed over"


class Notice(models.Model):
    """Something to tell, written in the transaction in which it happened.

    Who is to be told is worked out afterwards (`spread_at`), into one `Delivery` each.
    """

    request = models.ForeignKey(ApprovalRequest, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=12, choices=NoticeKind)
    number = models.PositiveIntegerField(default=0, help_text="Which one of its kind.")
    only_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    spread_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("request", "kind", "number"), name="approvals_notice_once"
            ),
        )
        indexes = (
            models.Index(
                fields=("id",),
                condition=models.Q(spread_at__isnull=True),
                name="approvals_notice_unspread",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.request_id}"


class DeliveryStatus(models.TextChoices):
    """How far a message has come. `dropped`: there was nothing left to tell."""

    PENDING = "pending", "Pending"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    DROPPED = "dropped", "Dropped"


class Delivery(models.Model):
    """One message to one person (by e-mail) or to one webhook: the delivery log."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    webhook = models.ForeignKey(
        Webhook, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    status = models.CharField(max_length=10, choices=DeliveryStatus, default=DeliveryStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now, help_text="Not tried before.")
    problem = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "deliveries"
        constraints = (
            models.UniqueConstraint(fields=("notice", "user"), name="approvals_delivery_user"),
            models.UniqueConstraint(
                fields=("notice", "webhook"), name="approvals_delivery_webhook"
            ),
        )
        indexes = (
            models.Index(
                fields=("next_at",),
                condition=models.Q(status=DeliveryStatus.PENDING),
                name="approvals_delivery_due",
            ),
        )

    def __str__(self) -> str:
        return f"{self.notice} to {self.user or self.webhook}"
