"""People deciding: requests, decisions, and the audit trail."""

from approvals.models.audit import AuditEntry
from approvals.models.requests import ApprovalRequest, Decision, RequestKind, RequestStatus

__all__ = ["ApprovalRequest", "AuditEntry", "Decision", "RequestKind", "RequestStatus"]
