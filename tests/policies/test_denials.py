"""Calls that a policy denies are on record."""

from __future__ import annotations

import pytest

from approvals.gate import RecordingGate
from approvals.models import AuditEntry
from approvals.services import audit
from tests.policies.rows import launched_by, policy
from timestep.gate import ToolCall
from timestep.models import Run
from workflows.selectors.timeline import fold

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("arguments", ['{"amount": 25}', '{"amount": "\x00"}', "\ud800"])
def test_a_denied_call_is_audited_and_shown(arguments: str) -> None:
    policy("Never", effect="deny")
    run = launched_by(None)
    call = ToolCall(run.pk, "refunds", "refund_order", "call_1", arguments, asks=False)
    assert RecordingGate().check([call]) == ["deny"]
    entry = AuditEntry.objects.get(act="call.denied")
    assert entry.payload is not None
    assert (entry.subject, entry.payload["policy"]) == (run.pk, "Never")
    assert audit.verify().ok
    [row] = fold(Run.objects.get().events.all())
    assert (row.title, row.state, row.by) == ("refund_order", "deny", "policy “Never”")
