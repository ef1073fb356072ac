"""Keeping a record of whom agents are for, and since when."""

from __future__ import annotations

from typing import Any

from approvals.models import AgentAccess
from approvals.services import audit


def record_saved(row: AgentAccess, by: str, via: str) -> None:
    """Write whom a row lets do what into the audit trail, in the transaction that saved it."""
    _record("access.saved", row, by, via)


def record_deleted(row: AgentAccess, by: str, via: str) -> None:
    """Write that a row is gone into the audit trail, in the transaction that deletes it."""
    _record("access.deleted", row, by, via)


def _record(act: str, row: AgentAccess, by: str, via: str) -> None:
    audit.append(by, via, act, f"access {row.pk}", says(row))


def says(row: AgentAccess) -> dict[str, Any]:
    """What a row says, as the audit trail keeps it."""
    return {
        "agent": row.agent,
        "user": row.user.get_username() if row.user else None,
        "group": row.group.name if row.group else None,
        "launches": row.launches,
        "decides": row.decides,
    }
