"""Approving for the rest of a run: what it covers, and what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.errors import NotForRun
from approvals.gate import RecordingGate
from approvals.models import ApprovalRequest, AuditEntry, Decision, Grant, Policy
from approvals.services.decisions import decide
from tests.policies.rows import asked, member, policy
from timestep.errors import InvalidInput
from timestep.gate import ToolCall, Verdict
from timestep.models import RunEvent

pytestmark = pytest.mark.django_db

SMALL = [{"field": "amount", "op": "at_most", "value": 100}]


def _check(request: ApprovalRequest, amount: float = 30.0, **fields: Any) -> Verdict:
    call = {"run_id": request.run_id, "agent": request.agent, "tool": request.tool}
    call |= {"call_id": "call_9", "arguments": f'{{"order_id": 1, "amount": {amount}}}'}
    return RecordingGate().check([ToolCall(**(call | {"asks": True} | fields))])[0]


def _granted(**fields: Any) -> ApprovalRequest:
    policy(conditions=SMALL, allow_for_run=True, **fields)
    request = asked()
    decide(request.pk, approve=True, by=member("ana"), for_run=True)
    return request


def test_further_calls_that_meet_the_policy_ask_nobody() -> None:
    request = _granted()
    assert _check(request) == "allow"
    assert _check(request, asks=False) == "allow"
    entry = AuditEntry.objects.filter(act="approval.grant_used").first()
    assert entry is not None
    assert (entry.actor, entry.subject) == ("ana", request.pk)
    assert RunEvent.objects.filter(run=request.run_id, kind="approval.grant_used").count() == 2


@pytest.mark.parametrize(
    "other", [{"amount": 101.0}, {"agent": "desk"}, {"run_id": "run_0"}, {"tool": "refund"}]
)
def test_other_calls_ask_as_before(other: dict[str, Any]) -> None:
    assert _check(_granted(), **other) == "ask"


@pytest.mark.parametrize(
    "change", [{"conditions": []}, {"allow_for_run": False}, {"four_eyes": False}, {"tool": "*"}]
)
def test_a_policy_that_was_changed_since_asks_again(change: dict[str, Any]) -> None:
    request = _granted()
    Policy.objects.update(**change)
    assert _check(request) == "ask"


def test_a_policy_that_denies_comes_before_a_grant() -> None:
    request = _granted()
    policy("No more", position=1, effect="deny")
    assert _check(request) == "deny"


@pytest.mark.parametrize("rule", [None, {"allow_for_run": False}])
def test_where_nothing_allows_it_nothing_is_decided(rule: dict[str, Any] | None) -> None:
    if rule is not None:
        policy(**rule)
    request = asked()
    with pytest.raises(NotForRun, match="approve this call alone"):
        decide(request.pk, approve=True, by=member("ana"), for_run=True)
    assert not Decision.objects.exists()


def test_an_edited_call_is_approved_by_itself() -> None:
    policy(allow_for_run=True)
    request = asked()
    request.schema = {"type": "object"}
    request.save()
    with pytest.raises(NotForRun, match="edited"):
        decide(request.pk, approve=True, by=member("ana"), arguments={"amount": 1}, for_run=True)
    assert not Decision.objects.exists()


def test_a_rejection_is_for_one_call() -> None:
    request = asked()
    with pytest.raises(InvalidInput, match="for_run"):
        decide(request.pk, approve=False, by=member("ana"), for_run=True)


@pytest.mark.parametrize(("both", "verdict"), [(True, "allow"), (False, "ask")])
def test_of_several_approvers_all_must_mean_it(both: bool, verdict: str) -> None:
    policy(allow_for_run=True, needs={"": 2})
    request = asked()
    decide(request.pk, approve=True, by=member("ana"), for_run=both)
    assert _check(request) == "ask"
    decide(request.pk, approve=True, by=member("bo"), for_run=True)
    assert _check(request) == verdict
    assert Grant.objects.exists() is both
