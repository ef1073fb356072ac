"""What policies say of calls, with a real worker."""

from __future__ import annotations

from approvals.models import Policy
from approvals.services.decisions import decide
from tests.campaign.double import call, script
from tests.campaign.installation import Installation, agent, until
from tests.campaign.tools import expected


def _policy(name: str, **fields: object) -> None:
    Policy.objects.update_or_create(name=name, defaults=fields)


def test_one_approval_counts_for_the_rest_of_the_run(engine: Installation) -> None:
    conditions = [{"field": "tag", "op": "starts_with", "value": "small"}]
    _policy("Small", agent="grantee", tool="pay", conditions=conditions, allow_for_run=True)
    turns = [
        {"calls": [call("pay", tag=f"{tag}-{n}", seconds=0)]}
        for n, tag in enumerate(("small", "small", "large"))
    ]
    engine.double.says(script("granted-for-the-run", *turns, {"text": "{outputs}"}))
    run = engine.launch([agent("grantee", tools=["pay"])], "granted-for-the-run")
    asked = until(lambda: engine.asked(run), 20, "asks")[0]
    decide(asked.approval_id, approve=True, by=engine.person(), for_run=True)
    last = until(lambda: engine.asked(run), 20, "asks about the large one")[0]
    assert last.arguments["tag"] == "large-2"
    assert len(engine.calls("pay", "end")) >= 2
    decide(last.approval_id, approve=False, by=engine.person(), reason="too large")
    run = engine.wait(run, "succeeded", "failed")
    [used] = engine.events(run, "approval.grant_used")
    assert used.payload["by"] == engine.person().username
    assert run.segments.count() == 3


def test_a_denied_call_is_not_made_be_it_of_an_agent(engine: Installation) -> None:
    _policy("No", agent="denied", tool="[pa]*", effect="deny")
    text, inner = "denied-by-policy", "never-an-errand"
    calls = [call("pay", tag="denied", seconds=0), call("ask_helper", input=inner)]
    engine.double.says(script(text, {"calls": calls}, {"text": "{outputs}"}))
    agents = [agent("denied", tools=["pay"], agent_tools=["helper"]), agent("helper")]
    run = engine.wait(engine.launch(agents, text), "succeeded", "failed")
    assert str(run.final_output).count("denied by a policy") == 2
    assert engine.double.requests(inner) == []
    assert expected("pay", "denied", "") not in str(run.final_output)
