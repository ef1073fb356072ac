"""Calls that people changed before they approved them, with a real worker."""

from __future__ import annotations

import json
from typing import Any

from agents import Agent

from approvals.models import ApprovalRequest, Policy
from approvals.services.decisions import decide
from tests.campaign import code, tools
from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation, agent, until
from tests.campaign.tools import expected
from timestep.models import Run

EDITED = {"tag": "edited", "seconds": 0}


def _asking(engine: Installation, agents: list[Json], text: str) -> tuple[Run, ApprovalRequest]:
    run = engine.launch(agents, text)
    return run, until(lambda: engine.asked(run), 20, f"{text} asks")[0]


def _paying(engine: Installation, text: str) -> tuple[Run, ApprovalRequest]:
    calls = {"calls": [call("pay", tag="proposed", seconds=0)]}
    engine.double.says(script(text, calls, {"text": "{outputs}"}))
    return _asking(engine, [agent("payer", tools=["pay"])], text)


def test_the_tool_gets_the_edited_arguments_once(engine: Installation) -> None:
    run, asked = _paying(engine, "edited-plainly")
    person = engine.person()
    decide(asked.approval_id, approve=True, by=person, arguments=EDITED, reason="a typo")
    run = engine.wait(run, "succeeded", "failed")
    assert str(run.final_output).endswith(f"returned:\n{expected('pay', 'edited', asked.call_id)}")
    assert "A person changed the arguments" in str(run.final_output)
    assert "their reason: a typo" in str(run.final_output)
    assert len(engine.calls("pay", "start", asked.call_id)) == 1
    [finished] = engine.events(run, "tool.finished")
    assert json.loads(finished.payload["arguments"]) == EDITED
    assert json.loads(finished.payload["proposed"]) == {"tag": "proposed", "seconds": 0}
    assert finished.payload["output"] == expected("pay", "edited", asked.call_id)


def test_a_nested_agents_call_is_edited(engine: Installation) -> None:
    text, inner = "edited-nested", "an-inner-errand"
    engine.double.says(
        script(text, {"calls": [call("ask_payer", input=inner)]}, {"text": "{outputs}"}),
        script(inner, {"calls": [call("pay", tag="proposed", seconds=0)]}, {"text": "{outputs}"}),
    )
    agents = [agent("boss", agent_tools=["payer"]), agent("payer", tools=["pay"])]
    run, asked = _asking(engine, agents, text)
    decide(asked.approval_id, approve=True, by=engine.person(), arguments=EDITED)
    run = engine.wait(run, "succeeded", "failed")
    assert expected("pay", "edited", asked.call_id) in str(run.final_output)
    assert len(engine.calls("pay", "start", asked.call_id)) == 1


def test_what_was_not_shown_is_not_executed(engine: Installation) -> None:
    run, asked = _paying(engine, "edited-by-nobody")
    ApprovalRequest.objects.filter(pk=asked.pk).update(arguments_digest="0" * 64)
    decide(asked.approval_id, approve=True, by=engine.person())
    run = engine.wait(run, "succeeded", "failed")
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["type"] == "NotAsApproved"
    assert engine.calls("pay", "start", asked.call_id) == []


def test_guardrails_look_at_what_is_going_to_be_executed(engine: Installation) -> None:
    Policy.objects.create(name="Measured", agent="measuring", tool="measured")
    text = "edited-before-guardrails"
    calls = {"calls": [call("measured", tag="proposed", seconds=0)]}
    engine.double.says(script(text, calls, {"text": "{outputs}"}))
    start = Agent[Any](name="measuring", model="test-model", tools=[code.measured])
    run = engine.launch_code(start, text)
    asked = until(lambda: engine.asked(run), 20, f"{text} asks")[0]
    refused = {"tag": "reject-before", "seconds": 0}
    decide(asked.approval_id, approve=True, by=engine.person(), arguments=refused)
    run = engine.wait(run, "succeeded", "failed")
    assert "before says no" in str(run.final_output)
    assert engine.calls("measured", "start", asked.call_id) == []


def test_an_agent_that_is_asked_for_gets_the_edited_task(engine: Installation) -> None:
    text, proposed, edited = "edited-for-an-agent", "the first errand", "the other errand"
    engine.double.says(
        script(text, {"calls": [call("ask_child", input=proposed)]}, {"text": "{outputs}"}),
        script(edited, {"text": "done as edited"}),
    )
    child = Agent[Any](name="child", model="test-model")
    asks = child.as_tool("ask_child", "Ask the child.", needs_approval=True)
    run = engine.launch_code(Agent[Any](name="parent", model="test-model", tools=[asks]), text)
    asked = until(lambda: engine.asked(run), 20, f"{text} asks")[0]
    decide(asked.approval_id, approve=True, by=engine.person(), arguments={"input": edited})
    run = engine.wait(run, "succeeded", "failed")
    assert str(run.final_output).endswith("returned:\ndone as edited")
    assert engine.double.requests(proposed) == []


def test_a_call_that_is_made_again_is_made_as_edited(engine: Installation) -> None:
    Policy.objects.create(name="Lingering", agent="lingerer", tool="linger")
    text = "edited-and-killed"
    engine.double.says(
        script(text, {"calls": [call("linger", tag="proposed")]}, {"text": "{outputs}"})
    )
    run, asked = _asking(engine, [agent("lingerer", tools=["linger"])], text)
    decide(asked.approval_id, approve=True, by=engine.person(), arguments={"tag": "edited"})
    engine.started("linger", asked.call_id)
    engine.kill()
    engine.ready()
    run = engine.wait(run, "succeeded", "failed", within=90)
    assert str(run.final_output).endswith(expected("linger", "edited", asked.call_id))
    assert len(engine.events(run, "tool.finished")) == 1


def test_an_edited_task_is_told_of_when_its_agent_waited_too(engine: Installation) -> None:
    text, edited = "edited-and-waiting", "a task that pays"
    paying = {"calls": [call("pay", tag="inner", seconds=0)]}
    engine.double.says(
        script(text, {"calls": [call("ask_child", input="never done")]}, {"text": "{outputs}"}),
        script(edited, paying, {"text": "{outputs}"}),
    )
    child = Agent[Any](name="child", model="test-model", tools=[tools.pay])
    asks = child.as_tool("ask_child", "Ask the child.", needs_approval=True)
    run = engine.launch_code(Agent[Any](name="parent", model="test-model", tools=[asks]), text)
    outer = until(lambda: engine.asked(run), 20, f"{text} asks")[0]
    decide(outer.approval_id, approve=True, by=engine.person(), arguments={"input": edited})
    inner = until(lambda: engine.asked(run), 20, f"{text} asks again")[0]
    decide(inner.approval_id, approve=True, by=engine.person())
    run = engine.wait(run, "succeeded", "failed")
    assert "A person changed the arguments" in str(run.final_output)
    assert str(run.final_output).endswith(expected("pay", "inner", inner.call_id))
