"""MCP servers in real runs: listed once, called like other tools, dying and coming back."""

from __future__ import annotations

import json

import pytest

from tests.campaign import mcp
from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation
from timestep.models import Run

OUTPUTS: Json = {"text": "{outputs}"}


def ended(engine: Installation, run: Run) -> Run:
    """The run, once it has ended or waits."""
    return engine.wait(run, "succeeded", "failed", "awaiting_approval")


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_a_servers_tools_are_called(engine: Installation, transport: str) -> None:
    text = f"mcp-{transport}"
    first = [call("look", tag=f"{text}-{i}", seconds=0.2) for i in range(2)]
    second = [call("change", tag=text, seconds=0), call("fail", tag=text)]
    engine.double.says(script(text, {"calls": first}, {"calls": second}, OUTPUTS))
    with mcp.served(engine):
        server = mcp.stdio(engine) if transport == "stdio" else mcp.http(engine)
        run = ended(engine, engine.launch_code(mcp.user("looker", server), text))
    assert run.status == "succeeded", engine.described(run)
    output = str(run.final_output)
    for part in (f"look:{text}-0", f"look:{text}-1", f"change:{text}", "Error executing tool fail"):
        assert part in output
    assert len(engine.calls("look", "start", text)) == 2
    tools = {event.payload["tool"] for event in engine.events(run, "tool.finished")}
    assert tools == {"look", "change", "fail"}


def test_both_transports_with_names_of_their_servers(engine: Installation) -> None:
    text = "mcp-both"
    names = [f"mcp_{name}__look" for name in ("files", "web")]
    calls = [call(name, tag=f"both-{name}", seconds=0) for name in names]
    engine.double.says(script(text, {"calls": calls}, OUTPUTS))
    with mcp.served(engine):
        agent = mcp.user("both", mcp.stdio(engine), mcp.http(engine))
        agent.mcp_config = {"include_server_in_tool_names": True}
        run = ended(engine, engine.launch_code(agent, text))
    assert run.status == "succeeded", engine.described(run)
    assert all(f"look:both-{name}" in str(run.final_output) for name in names)


def test_a_server_that_asks_for_approval(engine: Installation) -> None:
    from approvals.services.decisions import decide  # noqa: PLC0415

    text = "mcp-approval"
    calls = [call("change", tag=text, seconds=0), call("look", tag=text, seconds=0)]
    engine.double.says(script(text, {"calls": calls}, OUTPUTS))
    asking = mcp.stdio(engine, require_approval={"always": {"tool_names": ["change"]}})
    run = ended(engine, engine.launch_code(mcp.user("asking", asking), text))
    [asked] = engine.asked(run)
    assert asked.tool == "change"
    assert not engine.calls("change", "start", text)
    decide(asked.approval_id, approve=True, by=engine.person())
    run = engine.wait(run, "succeeded", "failed")
    assert f"change:{text}" in str(run.final_output), engine.described(run)
    assert len(engine.calls("look", "start", text)) == len(engine.calls("change", "start", text))


@pytest.mark.parametrize("transport", ["stdio", "http"])
@pytest.mark.parametrize("tool", ["crash", "crash_changing"])
def test_a_server_that_dies_in_a_call(engine: Installation, transport: str, tool: str) -> None:
    text = f"mcp-{tool}-{transport}"
    after: Json = {"calls": [call("look", tag=f"{text}-after", seconds=0)], "delay": 2}
    engine.double.says(script(text, {"calls": [call(tool, tag=text)]}, after, OUTPUTS))
    with mcp.served(engine) as process:
        server = mcp.stdio(engine) if transport == "stdio" else mcp.http(engine)
        run = engine.launch_code(mcp.user("unlucky", server), text)
        if transport == "http":
            engine.started(tool, text)
            process.wait(10)
            if tool == "crash_changing":
                engine.event(run, "tool.finished")
            with mcp.served(engine):
                run = ended(engine, run)
        else:
            run = ended(engine, run)
    assert run.status == "succeeded", engine.described(run)
    assert f"look:{text}-after" in str(run.final_output), engine.described(run)
    starts = len(engine.calls(tool, "start", text))
    [made] = [e for e in engine.events(run, "tool.finished") if e.payload["tool"] == tool]
    if tool == "crash_changing":
        assert (starts, made.payload["ok"]) == (1, False)
        assert "Connection closed" in made.payload["error"]
    else:
        assert (starts, made.payload["ok"]) == (2, True)
        assert f"crash:{text}" in str(run.final_output)


def test_a_server_that_is_not_there_fails_the_run_until_a_retry(engine: Installation) -> None:
    from timestep.services.retry import retry  # noqa: PLC0415

    text = "mcp-gone"
    engine.double.says(script(text, {"calls": [call("look", tag=text, seconds=0)]}, OUTPUTS))
    run = engine.launch_code(mcp.user("waiting", mcp.http(engine)), text)
    run = engine.wait(run, "failed")
    assert run.error is not None
    assert run.error["what"] == "MCP server web"
    assert "Could not reach the server" in run.error["message"]
    with mcp.served(engine):
        retry(run.run_id, by="test")
        run = engine.wait(run, "succeeded")
    assert f"look:{text}" in str(run.final_output)


def test_a_replay_asks_the_server_for_nothing_that_is_recorded(engine: Installation) -> None:
    text = "mcp-replay"
    calls = {"calls": [call("look", tag=text, seconds=0)]}
    stuck: Json = {"text": "{outputs}", "faults": [{"break": "hang", "after": 0}]}
    engine.double.says(script(text, calls, stuck))
    with mcp.served(engine):
        run = engine.launch_code(mcp.user("replaying", mcp.http(engine)), text)
        engine.event(run, "tool.finished")
        engine.event(run, "model.started", count=2)
        engine.kill()
    # Nobody serves any more: the list and the call are in the checkpoints.
    engine.ready()
    run = ended(engine, run)
    assert run.status == "succeeded", engine.described(run)
    assert json.dumps(run.final_output).count(f"look:{text}") == 1
    assert len(engine.calls("look", "start", text)) == 1
