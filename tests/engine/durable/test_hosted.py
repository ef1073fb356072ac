"""Servers that the provider calls: whoever decides on their calls is asked once."""

from __future__ import annotations

from typing import Any

from agents import Agent, HostedMCPTool

from approvals.services.decisions import decide
from tests.campaign import code
from tests.campaign.double import Json, script
from tests.campaign.installation import Installation

DONE: Json = {"text": "all done"}


def agent(**options: Any) -> Agent[Any]:
    """An agent with a server that the provider calls after approval."""
    config: Any = {"type": "mcp", "server_label": "wiki", "require_approval": "always"}
    config["connector_id"] = "connector_googledrive"
    return Agent(
        name="hosted", model="test-model", tools=[HostedMCPTool(tool_config=config, **options)]
    )


def asks(request_id: str) -> Json:
    """A turn in which the provider asks whether it may call the server."""
    asked = {"type": "mcp_approval_request", "id": request_id, "server_label": "wiki"}
    return {"items": [asked | {"name": "search", "arguments": '{"q": "x"}'}]}


def test_a_function_decides_once(engine: Installation) -> None:
    text = "hosted-function"
    stuck = DONE | {"faults": [{"break": "hang", "after": 0}]}
    engine.double.says(script(text, asks("mcpr_function"), stuck))
    run = engine.launch_code(agent(on_approval_request=code.allow_hosted), text)
    engine.event(run, "model.started", count=2)
    engine.kill()
    engine.ready()
    run = engine.wait(run, "succeeded", "failed")
    assert run.final_output == "all done", engine.described(run)
    assert len(engine.calls("allow_hosted", "start", "mcpr_function")) == 1
    answers = [request["body"]["input"][-1] for request in _last(engine, text)]
    assert [answer["approve"] for answer in answers] == [True, True]


def test_a_person_decides(engine: Installation) -> None:
    text = "hosted-person"
    engine.double.says(script(text, asks("mcpr_person"), DONE))
    run = engine.wait(engine.launch_code(agent(), text), "awaiting_approval", "failed")
    [asked] = engine.asked(run)
    assert (asked.call_id, asked.tool, asked.arguments) == ("mcpr_person", "search", {"q": "x"})
    decide(asked.approval_id, approve=True, by=engine.person())
    run = engine.wait(run, "succeeded", "failed")
    assert run.final_output == "all done", engine.described(run)


def _last(engine: Installation, text: str) -> list[Json]:
    asked = engine.double.requests(text, bodies=True)
    return [request for request in asked if request["turn"] == 1]
