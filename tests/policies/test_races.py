"""Many at once under policies: one outcome, and every loser is told which."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from approvals.errors import AlreadyDecided, AlreadyVoted, DeadlinePassed, RequestVoid
from approvals.models import AuditEntry, Decision, RequestStatus, Vote
from approvals.services import audit
from approvals.services.decisions import decide
from approvals.services.expiry import expire_due
from tests.approvals.test_races import at_once
from tests.policies.rows import asked, member, policy
from timestep.models import Run, Segment
from timestep.services.cancel import cancel

pytestmark = pytest.mark.django_db(transaction=True)

DECIDED_OR_LOST = (Decision, AlreadyDecided, RequestVoid, DeadlinePassed)


@pytest.mark.parametrize("seed", range(5))
def test_approve_against_reject_against_expiry_against_cancel(seed: int) -> None:
    policy(deadline_seconds=1)
    ana, bo, request = member("ana"), member("bo"), asked()
    late = timezone.now() + timedelta(seconds=2)
    acts: list[Callable[[], object]] = [
        partial(decide, request.pk, approve=True, by=ana),
        partial(decide, request.pk, approve=False, by=bo, reason="no"),
        partial(expire_due, late),
        partial(expire_due, late),
        partial(cancel, request.run_id, by="cy"),
    ]
    outcomes = at_once(acts[seed % 5 :] + acts[: seed % 5])
    request.refresh_from_db()
    decisions = Decision.objects.count()
    assert decisions == (request.status != RequestStatus.VOID)
    assert Segment.objects.filter(run=request.run, n=1).count() == decisions
    assert Run.objects.get().status == "cancelled"  # It wins over waiting and over queued.
    deciding = [each for each in outcomes if isinstance(each, DECIDED_OR_LOST)]
    assert len(deciding) == 2
    assert AuditEntry.objects.exclude(act="approval.requested").count() == 1
    assert audit.verify().ok


def test_twenty_votes_where_three_are_needed() -> None:
    policy(needs={"Finance": 3})
    request = asked()
    people = [member(f"p{n}", "Finance") for n in range(10)]
    outcomes = at_once([partial(decide, request.pk, approve=True, by=by) for by in people * 2])
    assert sum(isinstance(outcome, Decision) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Vote) for outcome in outcomes) == 2
    lost = [outcome for outcome in outcomes if isinstance(outcome, AlreadyDecided | AlreadyVoted)]
    assert len(lost) == 17
    assert Vote.objects.count() == 3
    assert Segment.objects.filter(run=request.run).count() == 2
    assert audit.verify().ok


@pytest.mark.parametrize("seed", range(2))
def test_the_last_vote_against_an_edit(seed: int) -> None:
    policy(needs={"Finance": 2})
    ana, bo, cy = (member(name, "Finance") for name in ("ana", "bo", "cy"))
    request = asked()
    decide(request.pk, approve=True, by=ana)
    other = {"order_id": 1, "amount": 2}
    acts: list[Callable[[], object]] = [
        partial(decide, request.pk, approve=True, by=bo, shown=request.arguments_digest),
        partial(decide, request.pk, approve=True, by=cy, arguments=other),
    ]
    at_once(acts if seed % 2 else acts[::-1])
    request.refresh_from_db()
    counted = Vote.objects.filter(voided_at=None).values_list("arguments_digest", flat=True)
    assert set(counted) == {request.arguments_digest}
    assert request.is_pending == (request.edited_arguments is not None)


def test_two_workers_escalate_once() -> None:
    kept = policy(deadline_seconds=60, on_expiry="escalate", needs={"Finance": 1})
    kept.escalate_to = kept.needs.get().group
    kept.save()
    asked()
    late = timezone.now() + timedelta(seconds=61)
    at_once([partial(expire_due, late) for _ in range(6)])
    assert AuditEntry.objects.filter(act="approval.escalated").count() == 1
