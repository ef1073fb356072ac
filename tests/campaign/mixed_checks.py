"""What must hold after a race under policies: each broken rule is a line of text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from approvals.errors import (
    AlreadyClaimed,
    AlreadyDecided,
    AlreadyVoted,
    ArgumentsChanged,
    DeadlinePassed,
    DeniedByPolicy,
    NotForRun,
    NotPermitted,
    RequestVoid,
    VoteNotNeeded,
)
from approvals.models import (
    EXPIRED_OUTCOME,
    ApprovalRequest,
    AuditEntry,
    Decision,
    Grant,
    RequestStatus,
    Vote,
)
from approvals.policies.counting import missing, valid_votes
from approvals.policies.rules import rules_of
from approvals.services.expiry import THE_DEADLINE
from approvals.wording import arguments_now
from tests.campaign.crowd import Told
from timestep.digests import digest
from timestep.errors import InvalidInput, TimestepError, WrongStatus
from timestep.models import RunStatus, Segment

DECIDING = ("approve", "stale", "reject", "for_run", "edit", "page", "edit_page")
# What an act may be refused for, besides what any may.
_ANY = (AlreadyDecided, RequestVoid, DeadlinePassed, NotPermitted)
_APPROVING = (*_ANY, AlreadyVoted, VoteNotNeeded)
_REFUSALS: dict[str, tuple[type[TimestepError], ...]] = {
    "approve": _APPROVING,
    "stale": (*_APPROVING, ArgumentsChanged),
    "for_run": (*_APPROVING, NotForRun),
    "edit": (*_APPROVING, DeniedByPolicy),
    "claim": (*_ANY, AlreadyClaimed),
    "hand_over": (*_ANY, InvalidInput),
    "cancel": (WrongStatus,),
}
# What a page answers: sent on, refused for who one is, too late, or refused for what was sent.
_STATUSES = (302, 403, 409, 422)
_TOO_LATE = 409


def broken_rules(asked: ApprovalRequest, told: Sequence[Told]) -> Iterator[str]:
    """Everything that does not hold of a request once the race for it is over."""
    row = ApprovalRequest.objects.select_related("decision", "run").get(pk=asked.pk)
    decision: Decision | None = getattr(row, "decision", None)
    yield from _outcome(row, decision)
    yield from _resume(row, decision)
    yield from _votes(row, decision)
    yield from _record(row, decision, told)
    for one in told:
        yield from _answer(row, decision, one)


def _outcome(row: ApprovalRequest, decision: Decision | None) -> Iterator[str]:
    outcomes = {RequestStatus.APPROVED: "approve", RequestStatus.REJECTED: "reject"}
    outcomes[RequestStatus.EXPIRED] = EXPIRED_OUTCOME
    if outcomes.get(RequestStatus(row.status)) != (decision.outcome if decision else None):
        yield f"is {row.status}, and the decision is {decision}"
    if row.status == RequestStatus.VOID and row.run.status != RunStatus.CANCELLED:
        yield f"is void, and its run is {row.run.status}"
    late = decision is not None and decision.decided_by_name == THE_DEADLINE
    if late != (row.status == RequestStatus.EXPIRED):
        yield f"is {row.status}, and the decision is {decision}"
    if digest(arguments_now(row)) != row.arguments_digest:
        yield "is not bound to its arguments"


def _resume(row: ApprovalRequest, decision: Decision | None) -> Iterator[str]:
    """One segment where it was decided, and none where it was not."""
    segments = list(Segment.objects.filter(run=row.run_id, n__gt=0))
    if len(segments) != (decision is not None):
        yield f"has {len(segments)} resumed segments, and the decision {decision}"
        return
    if decision is None:
        return
    [given] = segments[0].decisions
    if given["approve"] != (decision.outcome == "approve"):
        yield f"resumes with {given}, and the decision is {decision}"
    if given["approve"] and given["digest"] != row.arguments_digest:
        yield "resumes with other arguments than those that were decided on"
    edited = json.loads(given["arguments"]) if "arguments" in given else None
    if given["approve"] and edited != row.edited_arguments:
        yield f"resumes with the arguments {edited}, and they were edited to {row.edited_arguments}"


def _votes(row: ApprovalRequest, decision: Decision | None) -> Iterator[str]:
    """Approved is what everybody approved who had to, and nothing less."""
    rules, counted = rules_of(row), valid_votes(row)
    standing = Vote.objects.filter(request=row, voided_at=None)
    if standing.count() != len(counted):
        yield "counts a vote on other arguments"
    if rules.approvers > 1:
        lacks = missing(rules, [one.fills for one in counted])
        if bool(lacks) == bool(decision and decision.outcome == "approve"):
            yield f"lacks {rules.words(lacks) or 'nobody'}, and the decision is {decision}"
    granted = Grant.objects.filter(request=row).count()
    if granted and not (decision and decision.via.startswith("for_run")):
        yield f"was granted for the run, and the decision is {decision} via {decision}"


def _record(row: ApprovalRequest, decision: Decision | None, told: Sequence[Told]) -> Iterator[str]:
    """Each act that was taken has its entry, and there is no other."""
    acts = list(AuditEntry.objects.filter(subject=row.pk).values_list("act", flat=True))
    taken = [one.act.partition(" ")[0] for one in told if one.won]
    wanted = {
        "approval.requested": 1,
        "approval.decided": int(decision is not None) - int(row.is_expired),
        "approval.expired": int(row.is_expired),
        "approval.voted": Vote.objects.filter(request=row).count(),
        "approval.claimed": taken.count("claim"),
        "approval.handed_over": taken.count("hand_over"),
        "approval.escalated": int(row.escalated_at is not None),
        "approval.granted": Grant.objects.filter(request=row).count(),
        "approval.void": int(row.status == RequestStatus.VOID),
    }
    kept = {act: acts.count(act) for act in wanted}
    if kept != wanted:
        yield f"has the entries {kept}, and {wanted} happened"
    if decision and decision.decided_by_name != THE_DEADLINE:
        via = [one for one in told if decision.via in (one.act, "page") and one.won]
        if decision.decided_by_name not in {one.by for one in via}:
            yield f"was decided by {decision.decided_by_name} via {decision.via}, and {via} won"


def _answer(row: ApprovalRequest, decision: Decision | None, one: Told) -> Iterator[str]:
    """What whoever took part was told fits what stands."""
    kind = one.act.partition(" ")[0]
    if one.status and one.status not in _STATUSES:
        yield f"{one.act} was answered with {one.status}: {one.said[:300]}"
    if isinstance(one.result, TimestepError) and not isinstance(
        one.result, _REFUSALS.get(kind, _ANY)
    ):
        yield f"{one.act} was refused with {one.result!r}"
    if isinstance(one.result, Decision) and one.result != decision:
        yield f"{one.act} got {one.result}, and kept is {decision}"
    late = isinstance(one.result, AlreadyDecided) or (
        one.status == _TOO_LATE and (" was already " in one.said or " expired on " in one.said)
    )
    if late and (decision is None or str(AlreadyDecided(decision)) not in one.said):
        yield f"{one.act} was told {one.said[:300]!r}, and kept is {decision}"
    if isinstance(one.result, RequestVoid) and row.status != RequestStatus.VOID:
        yield f"{one.act} was told that it is void, and it is {row.status}"
    if isinstance(one.result, DeadlinePassed) and row.deadline_at is None and not decision:
        yield f"{one.act} was told of a deadline, and there is none"
