"""Programs that decide by themselves what a policy leaves to people: a named error."""

from __future__ import annotations

import secrets

import pytest

from approvals.models import ApprovalRequest
from approvals.services.decisions import decide
from tests.campaign.double import call, script
from tests.campaign.installation import Installation
from tests.library.program import Program, Raised
from tests.policies.rows import policy
from timestep.models import Run


@pytest.fixture
def name(engine: Installation, program: Program) -> str:
    """The session of a run that waits for people, as a policy wants."""
    made = f"policies-{secrets.token_hex(4)}"
    only = [{"field": "tag", "op": "equals", "value": made}]
    policy(made, tool="pay", conditions=only, four_eyes=False)
    paying = {"calls": [call("pay", tag=made, seconds=0)]}
    engine.double.says(script(made, paying, {"text": "{outputs}"}))
    program.call("begin", input_items=made, session_id=made)
    return made


@pytest.mark.parametrize("scenario", ["decide_loaded", "decide_unbound"])
def test_a_program_that_approves_by_itself_is_refused(
    engine: Installation, program: Program, name: str, scenario: str
) -> None:
    runs = Run.objects.count()
    given = {"approve": [name]} if scenario == "decide_loaded" else {}
    with pytest.raises(Raised, match=f"policy '{name}' leaves the call of 'pay'") as refused:
        program.call(scenario, session_id=name, **given)
    assert refused.value.name == "DecidedByPolicy"
    assert Run.objects.count() == runs
    request = ApprovalRequest.objects.get(policy_name=name)
    assert request.is_pending
    decide(request.pk, approve=True, by=engine.person())
    run = engine.wait(request.run, "succeeded", "failed")
    assert f"pay:{name}" in str(run.final_output)
