"""What is kept of one request: its row, what hangs on it, and the entries about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from approvals.models import ApprovalRequest, AuditEntry, Decision, Grant, Vote
from timestep.models import Segment

REQUESTED = "approval.requested"
EDITED = "approval.edited"
ESCALATED = "approval.escalated"
VOTED = "approval.voted"
GRANTED = "approval.granted"
VOID = "approval.void"
DECIDED = ("approval.decided", "approval.expired")


@dataclass(frozen=True)
class Kept:
    """One request with everything that the trail says something of; entries in their order.

    `resumed`: what the segment was told of it that goes on with the decisions; `goes_on`: whether
    there is one.
    """

    request: ApprovalRequest
    entries: list[AuditEntry] = field(default_factory=list)
    votes: list[Vote] = field(default_factory=list)
    resumed: list[dict[str, Any]] = field(default_factory=list)
    goes_on: bool = False

    @property
    def decision(self) -> Decision | None:
        """The decision, where there is one."""
        found: Decision | None = getattr(self.request, "decision", None)
        return found

    @property
    def grant(self) -> Grant | None:
        """What was granted for the rest of the run, if anything."""
        found: Grant | None = getattr(self.request, "grant", None)
        return found

    def of(self, *acts: str) -> list[AuditEntry]:
        """The entries with one of these acts."""
        return [entry for entry in self.entries if entry.act in acts]

    def last_said(self, *acts: str) -> dict[str, Any]:
        """The payload of the last entry with one of these acts; empty where it was erased."""
        found = self.of(*acts)
        return payload_of(found[-1]) if found else {}


def payload_of(entry: AuditEntry) -> dict[str, Any]:
    """What an entry says; nothing where it was erased."""
    return entry.payload if isinstance(entry.payload, dict) else {}


def kept_of(requests: Sequence[ApprovalRequest]) -> list[Kept]:
    """What is kept of each of some requests: four queries, however many they are."""
    ids = [one.pk for one in requests]
    entries: dict[str, list[AuditEntry]] = defaultdict(list)
    for entry in AuditEntry.objects.filter(subject__in=ids).order_by("number"):
        entries[entry.subject].append(entry)
    votes: dict[str, list[Vote]] = defaultdict(list)
    for vote in Vote.objects.filter(request__in=ids).select_related("user").order_by("pk"):
        votes[vote.request_id].append(vote)
    resumed = _resumed({one.run_id for one in requests})
    return [
        Kept(
            one,
            entries[one.pk],
            votes[one.pk],
            _about(one, resumed),
            (one.run_id, one.revision) in resumed,
        )
        for one in requests
    ]


def _resumed(run_ids: set[str]) -> dict[tuple[str, int], list[dict[str, Any]]]:
    rows = Segment.objects.filter(run__in=run_ids, revision__isnull=False)
    found = rows.values_list("run_id", "revision", "decisions")
    return {(run_id, revision or 0): decisions for run_id, revision, decisions in found}


def _about(
    request: ApprovalRequest, resumed: dict[tuple[str, int], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    told = resumed.get((request.run_id, request.revision), [])
    return [one for one in told if one.get("call_id") == request.call_id]
