"""A shell can name anybody, so it does not decide what is about who decides."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from approvals.models import AuditEntry, Decision, Vote
from tests.policies.rows import asked, member, policy

pytestmark = pytest.mark.django_db


def _decide(approval_id: str, *answer: str) -> None:
    call_command("decide", approval_id, *answer, "--as", "ana", stdout=io.StringIO())


@pytest.mark.parametrize(
    ("rule", "asks"),
    [
        ({"four_eyes": True}, "four eyes"),
        ({"four_eyes": False, "needs": {"": 2}}, "several people"),
    ],
)
@pytest.mark.parametrize("answer", ["--approve", "--reject"])
def test_a_policy_about_people_is_not_for_a_shell(
    rule: dict[str, Any], asks: str, answer: str
) -> None:
    policy(**rule)
    request = asked()
    member("ana")
    with pytest.raises(CommandError, match=f"asks for {asks}; sign in"):
        _decide(request.pk, answer)
    assert not Decision.objects.exists()
    assert not Vote.objects.exists()


@pytest.mark.parametrize("rule", [None, {"four_eyes": False}])
def test_anything_else_is(rule: dict[str, Any] | None) -> None:
    if rule is not None:
        policy(**rule)
    request = asked()
    member("ana")
    _decide(request.pk, "--approve")
    assert AuditEntry.objects.get(act="approval.decided").via.startswith("cli:")


def test_an_edit_does_not_lead_around_it() -> None:
    policy(conditions=[{"field": "amount", "op": "at_least", "value": 100}], needs={"": 2})
    request = asked()
    request.schema = {"type": "object"}
    request.save()
    member("ana")
    with pytest.raises(CommandError, match="asks for several people"):
        _decide(request.pk, "--approve", "--arguments", '{"amount": 500}')
    request.refresh_from_db()
    assert request.edited_arguments is None
