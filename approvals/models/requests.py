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

    `void`: the run ended before anyone decided, or a program resumed it and left this call open.
    """

    PENDING = "pending", "Pending"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    RESOLVED = "resolved", "Resolved"
    VOID = "void", "Void"


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
    arguments_digest = models.CharField(max_length=64)
    said_before = models.TextField(blank=True, default="")
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
        )

    def __str__(self) -> str:
        return f"{self.tool} of {self.run_id}"

    @property
    def is_pending(self) -> bool:
        """Whether it still waits for a person."""
        return self.status == RequestStatus.PENDING

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
        max_length=20, help_text="approve, reject, happened, run_again or fail"
    )
    reason = models.TextField(blank=True, default="")
    result = models.TextField(blank=True, default="", help_text="For `happened`: what it returned.")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_by_name = models.CharField(max_length=200)
    via = models.CharField(
        max_length=200, help_text="page, admin, program, or cli:<OS user> as <user>"
    )
    decided_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.outcome} by {self.decided_by_name}"
