"""How many model calls an agent used as a tool may make."""

from __future__ import annotations

import pytest

from tests.campaign.double import call, script
from tests.campaign.installation import Installation, agent


@pytest.mark.parametrize(("most", "made"), [(2, 2), (11, 11)])
def test_an_agent_used_as_a_tool_has_its_own_turns(
    engine: Installation, most: int, made: int
) -> None:
    say, inner = f"outer-turns-{most}", f"inner-turns-{most}"
    fetches = [{"calls": [call("fetch", tag=f"{inner}-{turn}")]} for turn in range(12)]
    engine.double.says(
        script(say, {"calls": [call("ask_inner", input=inner)]}, {"text": "{outputs}"}),
        script(inner, *fetches, {"text": "never said"}),
    )
    agents = [
        agent("outer", agent_tools=["inner"]),
        agent("inner", tools=["fetch"], max_turns=most),
    ]
    run = engine.wait(engine.launch(agents, say), "succeeded", "failed")
    assert len(engine.double.requests(inner)) == made
    assert "never said" not in str(run.final_output)
