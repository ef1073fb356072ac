"""People deciding: requests, policies, votes, decisions, and the audit trail."""

from approvals.models.access import AgentAccess
from approvals.models.audit import AuditEntry
from approvals.models.deliveries import Delivery, DeliveryStatus, Notice, NoticeKind, Webhook
from approvals.models.grants import Grant
from approvals.models.policies import Effect, OnExpiry, Policy, PolicyNeed
from approvals.models.requests import (
    EXPIRED_OUTCOME,
    ApprovalRequest,
    Decision,
    RequestKind,
    RequestStatus,
)
from approvals.models.votes import Asked, Vote

__all__ = [
    "EXPIRED_OUTCOME",
    "AgentAccess",
    "ApprovalRequest",
    "Asked",
    "AuditEntry",
    "Decision",
    "Delivery",
    "DeliveryStatus",
    "Effect",
    "Grant",
    "Notice",
    "NoticeKind",
    "OnExpiry",
    "Policy",
    "PolicyNeed",
    "RequestKind",
    "RequestStatus",
    "Vote",
    "Webhook",
]
