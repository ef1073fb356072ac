"""How a request stands: votes, grant, decision, and what the run was told, against the trail."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from approvals.models import (
    EXPIRED_OUTCOME,
    AuditEntry,
    Decision,
    RequestKind,
    RequestStatus,
    Vote,
)
from approvals.services.asking import moment_text
from approvals.services.expiry import VIA_EXPIRY
from approvals.services.verifying.differing import differs, is_another
from approvals.services.verifying.kept import (
    DECIDED,
    EDITED,
    ESCALATED,
    GRANTED,
    VOID,
    VOTED,
    Kept,
    payload_of,
)
from timestep.digests import canonical_json, digest

_STATUS = {
    "approve": RequestStatus.APPROVED,
    "reject": RequestStatus.REJECTED,
    EXPIRED_OUTCOME: RequestStatus.EXPIRED,
}


def _closed(kept: Kept) -> Iterator[str]:
    """Whether it waits, is void or decided, and by which entry."""
    closing, status = kept.of(*DECIDED, VOID), kept.request.status
    if len(closing) > 1:
        yield f"is closed by {len(closing)} entries, the last of them {closing[-1].number}"
    if not closing:
        if status != RequestStatus.PENDING:
            yield f"is {status}, and no entry says so"
        if kept.decision is not None:
            yield f"its decision ({kept.decision}) has no entry: it was added behind the trail"
        return
    entry, decision = closing[-1], kept.decision
    if entry.act == VOID:
        if status != RequestStatus.VOID or decision is not None:
            yield f"is {status}, and entry {entry.number} says that it became void"
    elif decision is None:
        yield f"its decision is gone, and entry {entry.number} says that {entry.actor} made it"
    else:
        yield from _decided(kept, decision, entry)


def _decided(kept: Kept, decision: Decision, entry: AuditEntry) -> Iterator[str]:
    said, outcome = payload_of(entry), _outcome(decision.outcome, decision.via)
    found = {
        "outcome": outcome,
        "reason": decision.reason,
        "result": decision.result,
        "decided_at": moment_text(decision.decided_at),
    }
    for name, value in found.items():
        recorded = said.get(name, value)
        if value != (_outcome(recorded, entry.via) if name == "outcome" else recorded):
            yield differs(f"{name} of its decision", value, recorded)
    if decision.decided_by_name != entry.actor:
        yield differs("decided_by of its decision", decision.decided_by_name, entry.actor)
    elif decision.decided_by is not None and is_another(decision.decided_by, entry.actor):
        yield differs("decided_by of its decision", str(decision.decided_by), entry.actor)
    if decision.via != entry.via:
        yield differs("via of its decision", decision.via, entry.via)
    if kept.request.status != _STATUS.get(outcome, RequestStatus.RESOLVED) and not (
        (decision.outcome, decision.via) == ("reject", VIA_EXPIRY)
        and kept.request.status == RequestStatus.REJECTED
    ):
        yield differs("status", kept.request.status, outcome)
    if kept.request.decided_at != decision.decided_at:
        yield differs("decided_at", str(kept.request.decided_at), str(decision.decided_at))


def _outcome(outcome: str, via: str) -> str:
    """Releases before kept what expired as a rejection, and the trail says so for ever."""
    return EXPIRED_OUTCOME if via == VIA_EXPIRY and outcome == "reject" else outcome


def _voted(kept: Kept) -> Iterator[str]:
    """Each vote has its entry, and each entry its vote."""
    entries = kept.of(VOTED)
    if len(entries) == len(kept.votes):
        for vote, entry in zip(kept.votes, entries, strict=True):
            yield from _vote(kept, vote, entry)
        return
    there = Counter(vote.user_name for vote in kept.votes)
    recorded = Counter(entry.actor for entry in entries)
    for name in recorded - there:
        yield f"a vote of {name} is gone"
    for name in there - recorded:
        yield f"a vote of {name} has no entry: it was added behind the trail"


def _vote(kept: Kept, vote: Vote, entry: AuditEntry) -> Iterator[str]:
    said = payload_of(entry)
    found = {
        "arguments_digest": vote.arguments_digest,
        "reason": vote.reason,
        "fills": canonical_json(vote.fills),
        "for_run": vote.for_run,
    }
    for name, value in found.items():
        if value != said.get(name, value):
            yield differs(f"{name} of the vote of {entry.actor}", value, said[name])
    if (vote.user_name, vote.via) != (entry.actor, entry.via):
        given, recorded = f"{vote.user_name} via {vote.via}", f"{entry.actor} via {entry.via}"
        yield differs("a vote", given, recorded)
    if vote.user is not None and is_another(vote.user, vote.user_name):
        yield differs("the user of a vote", str(vote.user), vote.user_name)
    voided = any(later.number > entry.number for later in kept.of(EDITED, ESCALATED))
    if voided != (vote.voided_at is not None):
        yield differs(f"that the vote of {entry.actor} is void", not voided, voided)


def _granted(kept: Kept) -> Iterator[str]:
    """What was allowed for the rest of the run."""
    entries, grant = kept.of(GRANTED), kept.grant
    if grant is None or not entries:
        if grant is not None:
            yield "its grant for the rest of the run has no entry: it was added behind the trail"
        elif entries:
            yield f"its grant for the rest of the run is gone; entry {entries[-1].number} made it"
        return
    said = payload_of(entries[-1])
    found = {"run_id": grant.run_id, "agent": grant.agent, "tool": grant.tool}
    found |= {"policy": grant.policy_name, "rules_digest": grant.rules_digest}
    for name, value in found.items():
        if value != said.get(name, value):
            yield differs(f"{name} of its grant", value, said[name])
    if grant.granted_by_name != entries[-1].actor:
        yield differs("granted_by of its grant", grant.granted_by_name, entries[-1].actor)


def _told(kept: Kept) -> Iterator[str]:
    """What the resumed run was told: that is what is done."""
    decision, request = kept.decision, kept.request
    if decision is None:
        return
    if kept.goes_on and not kept.resumed and request.kind == RequestKind.TOOL_CALL:
        yield "its decision is not among those that the run was told"
    for told in kept.resumed:
        if bool(told.get("approve")) != (decision.outcome == "approve"):
            yield differs("approve, as the run was told", told.get("approve"), decision.outcome)
        for found in _digests(told):
            if told.get("approve") and found != request.arguments_digest:
                recorded = request.arguments_digest
                yield differs("the digest of arguments that the run was told", found, recorded)


def _digests(told: dict[str, Any]) -> Iterator[str]:
    if "digest" in told:
        yield told["digest"]
    if "arguments" in told:
        yield digest(json.loads(told["arguments"]))


DECIDING = (_closed, _voted, _granted, _told)
