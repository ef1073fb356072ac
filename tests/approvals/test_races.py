"""Many at once: one outcome, one resumed segment, one audit entry, on either database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest
from django.contrib.auth.models import User
from django.db import connection

from approvals.errors import AlreadyDecided, RequestVoid
from approvals.models import ApprovalRequest, AuditEntry, Decision, RequestStatus
from approvals.services import audit
from approvals.services.decisions import decide
from tests.approvals.rows import approver, ask, awaiting_run, refund_call
from timestep.errors import TimestepError
from timestep.models import Run, RunEvent, RunStatus, Segment
from timestep.services.cancel import cancel

pytestmark = pytest.mark.django_db(transaction=True)

Outcome = object


def at_once(acts: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
    """Start all acts at the same moment in threads; what each returned or raised."""
    barrier = threading.Barrier(len(acts))
    outcomes: list[Outcome] = [None] * len(acts)

    def perform(index: int, act: Callable[[], Outcome]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(30)
            outcomes[index] = act()
        except TimestepError as error:
            outcomes[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=perform, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _deciding(request: ApprovalRequest, by: User, *, approve: bool) -> Callable[[], Outcome]:
    return lambda: decide(request.pk, approve=approve, by=by, reason="because")


def test_fifty_deciders_of_one_request() -> None:
    run = awaiting_run()
    [request] = ask(run)
    people = [approver(f"p{n}") for n in range(2)]
    acts = [_deciding(request, people[n % 2], approve=n % 2 == 0) for n in range(50)]
    outcomes = at_once(acts)
    decision = Decision.objects.get()
    losers = [outcome for outcome in outcomes if isinstance(outcome, AlreadyDecided)]
    assert len(losers) == 49
    assert {loser.decision for loser in losers} == {decision}
    [answer] = Segment.objects.get(run=run, n=1).decisions
    assert answer["approve"] == (decision.outcome == "approve")
    assert AuditEntry.objects.filter(act="approval.decided").count() == 1
    assert RunEvent.objects.filter(kind="approval.decided").count() == 1
    assert audit.verify().ok


@pytest.mark.parametrize("seed", range(5))
def test_all_requests_of_one_revision_at_once(seed: int) -> None:
    run, ana = awaiting_run(), approver()
    requests = ask(run, *(refund_call(f"call_{n}") for n in range(10)))
    acts = [_deciding(row, ana, approve=(n + seed) % 3 > 0) for n, row in enumerate(requests)]
    outcomes = at_once(acts)
    assert all(isinstance(outcome, Decision) for outcome in outcomes)
    answers = Segment.objects.get(run=run, n=1).decisions
    assert [(answer["call_id"], answer["approve"]) for answer in answers] == [
        (f"call_{n}", (n + seed) % 3 > 0) for n in range(10)
    ]
    assert audit.verify().ok


@pytest.mark.parametrize("seed", range(10))
def test_deciding_against_cancelling(seed: int) -> None:
    run, ana = awaiting_run(), approver()
    [request] = ask(run)
    acts = [_deciding(request, ana, approve=True), lambda: cancel(run.pk, by="bo")]
    outcomes = at_once(acts if seed % 2 else acts[::-1])
    request.refresh_from_db()
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED  # Cancelling wins over waiting and over queued.
    void = [outcome for outcome in outcomes if isinstance(outcome, RequestVoid)]
    assert request.status == (RequestStatus.VOID if void else RequestStatus.APPROVED)
    assert Segment.objects.filter(run=run, n=1).exists() == (not void)


def test_runs_are_decided_side_by_side_on_one_chain() -> None:
    ana = approver()
    requests = [ask(awaiting_run())[0] for _ in range(20)]
    outcomes = at_once([_deciding(row, ana, approve=True) for row in requests])
    assert all(isinstance(outcome, Decision) for outcome in outcomes)
    assert Run.objects.filter(status=RunStatus.QUEUED).count() == 20
    found = audit.verify()
    assert found.ok
    assert found.entries == 40
