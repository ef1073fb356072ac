"""Saving policies from a program."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.models import AuditEntry, Policy
from approvals.policies.matching import Call, judge
from approvals.services.policies import save_policy
from tests.policies.rows import group, member
from timestep.errors import InvalidInput

pytestmark = pytest.mark.django_db


def test_a_saved_policy_is_met_and_can_be_changed() -> None:
    ana, finance = member("ana", "Finance"), group("Finance")
    made = save_policy(Policy(name="P", tool="pay"), needs=[(finance, 1)], by="ops")
    save_policy(made, needs=[(None, 1)], users=[ana], by="ops")
    assert judge(Call("a", "pay", {}), asks=False).rules.who == "1 of ana"
    acts = AuditEntry.objects.values_list("act", "actor", "via")
    assert list(acts) == [("policy.saved", "ops", "program")] * 2


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"effect": "maybe"}, "effect"),
        ({"conditions": "all"}, "conditions"),
        ({"on_expiry": "approve"}, "on_expiry"),
        ({"deadline_seconds": -1}, "deadline_seconds"),
        ({"reminders": [5]}, "reminders"),
    ],
)
def test_what_cannot_be_used_is_named_and_changes_nothing(
    fields: dict[str, Any], field: str
) -> None:
    member("ana")
    with pytest.raises(InvalidInput) as caught:
        save_policy(Policy(**({"name": "P"} | fields)), by="ops")
    assert caught.value.field == field
    assert not Policy.objects.exists()


def test_nobody_saves_what_nobody_could_satisfy() -> None:
    with pytest.raises(InvalidInput, match="it lacks 2 of Finance"):
        save_policy(Policy(name="P"), needs=[(group("Finance"), 2)], by="ops")
    assert not AuditEntry.objects.exists()
