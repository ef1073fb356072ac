"""Approval requests and the one decision that each can get."""

from __future__ import annotations

import json

from django.conf import settings
from django.db import models
from django.utils import timezone

from timestep.models.written_json import WrittenJSONField


class RequestKind(models.TextChoices):
    """What a person is asked."""

    TOOL_CALL = "tool_call", "Tool call"
    OUTCOME_UNKNOWN = "outcome_unknown", "Outcome unknown"


class RequestStatus(models.TextChoices):
    """Where a request stands.

    `expired`: nobody decided before the deadline, so the call is not made; no person rejected it.
    `void`: the run ended before anyone decided, or a program resumed it and left this call open.
    """

    PENDING = "pending", "Pending"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    EXPIRED = "expired", "Expired"
    RESOLVED = "resolved", "Resolved"
    VOID = "void", "Void"


# What a decision says that no person made: the deadline did.
EXPIRED_OUTCOME = "expired"


class ApprovalRequest(models.Model):
    """One call that waits for a person, bound to a digest of the arguments that were shown."""

    approval_id = models.CharField(primary_key=True, max_length=64)
    run = models.ForeignKey("timestep.Run", on_delete=models.CASCADE, related_name="approvals")
    kind = models.CharField(max_length=20, choices=RequestKind, default=RequestKind.TOOL_CALL)
    revision = models.PositiveIntegerField(
        help_text="The saved state that waits; for outcome unknown, the time of asking (0, 1, …)."
    )
    call_id = models.CharField(max_length=200)
    agent = models.CharField(max_length=100, help_text="Slug of the agent that made the call.")
    tool = models.CharField(max_length=100)
    arguments = WrittenJSONField(help_text="Parsed arguments; a string when they are not JSON.")
    arguments_digest = models.CharField(
        max_length=64, help_text="Of what would be executed now: edited, or as proposed."
    )
    edited_arguments = WrittenJSONField(
        null=True, blank=True, help_text="What an approver made of the proposed arguments."
    )
    schema = WrittenJSONField(
        null=True, blank=True, help_text="JSON schema of the tool's arguments, where it is known."
    )
    title = models.TextField(blank=True, default="", help_text="The tool's own words for the act.")
    preview = models.TextField(blank=True, default="", help_text="The tool's own look ahead.")
    said_before = models.TextField(blank=True, default="")
    policy_name = models.CharField(
        max_length=100, blank=True, default="", help_text="Empty: the built-in rule."
    )
    rules = models.JSONField(
        default=dict, blank=True, help_text="What the policy said when it was asked."
    )
    rules_digest = models.CharField(max_length=64, blank=True, default="")
    why = models.TextField(blank=True, default="", help_text="Why it is asked.")
    asks_everybody = models.BooleanField(
        default=True, help_text="Whoever may decide at all is asked; otherwise see its `asked`."
    )
    kept_from = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The launcher, where four eyes are asked for.",
    )
    deadline_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="When the clock looks next: a reminder, or the deadline."
    )
    escalated_at = models.DateTimeField(null=True, blank=True)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    handed_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    status = models.CharField(max_length=10, choices=RequestStatus, default=RequestStatus.PENDING)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    decided_at = models.DateTimeField(
        null=True, blank=True, help_text="When it stopped waiting: by a decision, or void."
    )

    class Meta:
        ordering = ("created_at", "approval_id")
        permissions = (("decide_approvalrequest", "Can approve and reject"),)
        constraints = (
            models.UniqueConstraint(
                fields=("run", "kind", "revision", "call_id"), name="approvals_request_once"
            ),
        )
        indexes = (
            models.Index(
                fields=("status", "created_at", "approval_id"), name="approvals_by_status"
            ),
            models.Index(
                fields=("-decided_at", "-approval_id"),
                condition=models.Q(decided_at__isnull=False),
                name="approvals_decided",
            ),
            models.Index(
                fields=("due_at",),
                condition=models.Q(status="pending", due_at__isnull=False),
                name="approvals_due",
            ),
            # The inbox reads what has a deadline first, and then the rest.
            models.Index(
                fields=("deadline_at", "approval_id"),
                condition=models.Q(status="pending", deadline_at__isnull=False),
                name="approvals_by_deadline",
            ),
            models.Index(
                fields=("created_at", "approval_id"),
                condition=models.Q(status="pending", deadline_at__isnull=True),
                name="approvals_by_age",
            ),
            # What was decided like this before.
            models.Index(
                fields=("agent", "tool", "-decided_at"),
                condition=models.Q(decided_at__isnull=False),
                name="approvals_before",
            ),
        )

    def __str__(self) -> str:
        return f"{self.tool} of {self.run_id}"

    @property
    def is_pending(self) -> bool:
        """Whether it still waits for a person."""
        return self.status == RequestStatus.PENDING

    @property
    def is_expired(self) -> bool:
        """Whether its time was over before anybody decided."""
        return self.status == RequestStatus.EXPIRED

    @property
    def arguments_text(self) -> str:
        """The arguments to read: indented JSON, or the text that the model wrote."""
        if isinstance(self.arguments, str):
            return self.arguments
        return json.dumps(self.arguments, indent=2, ensure_ascii=False)


class Decision(models.Model):
    """What was decided, by whom, from where. One per request: the primary key says so."""

    request = models.OneToOneField(
        ApprovalRequest, primary_key=True, on_delete=models.CASCADE, related_name="decision"
    )
    outcome = models.CharField(
        max_length=20, help_text="approve, reject, expired, happened, run_again or fail"
    )
    reason = models.TextField(blank=True, default="")
    result = models.TextField(blank=True, default="", help_text="For `happened`: what it returned.")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_by_name = models.CharField(max_length=200)
    via = models.CharField(
        max_length=200, help_text="page, admin, program, expiry, or cli:<OS user> as <user>"
    )
    decided_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        if self.outcome == EXPIRED_OUTCOME:
            return f"{self.outcome}: nobody decided in time"
        return f"{self.outcome} by {self.decided_by_name}"
