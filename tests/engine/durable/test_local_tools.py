"""Tools that work on a worker's machine: their calls are steps, like those of function tools."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, ApplyPatchTool, CustomTool, ShellTool

from approvals.services.decisions import decide, resolve_unknown
from tests.campaign import machine
from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation
from timestep.models import Run

DONE: Json = {"text": "all done"}
STUCK: Json = DONE | {"faults": [{"break": "hang", "after": 0}]}
CLICK: Json = {"type": "click", "x": 1, "y": 2, "button": "left"}
ASKING: dict[str, tuple[Any, Json, str, Any]] = {
    "shell": (
        ShellTool(machine.run_commands, needs_approval=True),
        machine.shell("ask-shell", "ls"),
        "shell",
        {"commands": ["ls"]},
    ),
    "patch": (
        ApplyPatchTool(machine.EDITOR, needs_approval=True),
        machine.patch("ask-patch", "delete_file", "ask-patch"),
        "delete_file",
        {"type": "delete_file", "path": "ask-patch"},
    ),
    "custom": (
        CustomTool("answer", "Answers.", machine.answer, needs_approval=True),
        machine.custom("ask-custom", "why"),
        "answer",
        "why",
    ),
}


def agent(*tools: Any) -> Agent[Any]:
    """An agent with tools of this machine."""
    return Agent(name="operator", model="test-model", tools=list(tools) or machine.all_tools())


def sent_back(engine: Installation, text: str) -> dict[str, Json]:
    """What the model was sent of each call, by its id, with its second turn."""
    asked = engine.double.requests(text, bodies=True)
    [body] = [one["body"] for one in asked if one["turn"] == 1][:1]
    return {i["call_id"]: i for i in body["input"] if str(i.get("type")).endswith("_output")}


def everything(name: str) -> list[Json]:
    """A response that calls each of the tools."""
    return [
        machine.local_shell(f"{name}-local", "ls", "-l"),
        machine.shell(f"{name}-shell", "pwd"),
        machine.patch(f"{name}-new", "create_file", f"{name}-new", diff="+a"),
        machine.patch(f"{name}-old", "update_file", f"{name}-old", diff="+b"),
        machine.custom(f"{name}-custom", "why"),
        machine.computer(f"{name}-computer", CLICK, {"type": "type", "text": name}),
    ]


def counts(engine: Installation, name: str) -> dict[str, int]:
    """How often each tool did its work in a run of `everything`."""
    tools = ("local_shell", "shell", "create_file", "update_file", "answer", "screen")
    return {tool: len(engine.calls(tool, "start", name)) for tool in tools}


def test_each_kind_is_called_once_and_shown(engine: Installation) -> None:
    text = "local-all"
    engine.double.says(script(text, {"items": everything(text)}, DONE))
    run = engine.wait(engine.launch_code(agent(), text), "succeeded", "failed")
    assert run.status == "succeeded", engine.described(run)
    back = {key.removeprefix(f"{text}-"): item for key, item in sent_back(engine, text).items()}
    assert back["local"]["output"] == "ran ls -l"
    assert back["shell"]["output"][0]["stdout"] == "out of pwd"
    assert (back["new"]["status"], back["new"]["output"]) == ("completed", f"created {text}-new")
    assert back["old"]["output"] == f"updated {text}-old with +b"
    assert back["custom"]["output"] == "answer to why"
    assert back["computer"]["output"]["image_url"].endswith(f"click 1 2 left|type {text}")
    assert set(counts(engine, text).values()) == {1}
    ended = {e.payload["call_id"]: e.payload for e in engine.events(run, "tool.finished")}
    assert set(ended) == {item["call_id"] for item in everything(text)}
    assert ended[f"{text}-shell"]["output"] == "out of pwd\nerr"
    [told, _last] = engine.events(run, "model.finished")
    assert (len(told.payload["tool_calls"]), told.payload["hosted_calls"]) == (6, [])


@pytest.mark.parametrize("kind", ASKING)
def test_a_person_is_asked_and_sees_what_would_be_done(engine: Installation, kind: str) -> None:
    tool, asking, noted, shown = ASKING[kind]
    call_id = asking["call_id"]
    text = f"local-{call_id}"
    engine.double.says(script(text, {"items": [asking]}, DONE))
    run = engine.wait(engine.launch_code(agent(tool), text), "awaiting_approval", "failed")
    [asked] = engine.asked(run)
    assert (asked.tool, asked.arguments) == (tool.name, shown)
    assert not engine.calls(noted, "start", call_id)
    decide(asked.approval_id, approve=True, by=engine.person())
    run = engine.wait(run, "succeeded", "failed")
    assert run.status == "succeeded", engine.described(run)
    assert len(engine.calls(noted, "start", call_id)) == 1


def test_a_rejected_call_is_not_made(engine: Installation) -> None:
    text = "local-rejected"
    engine.double.says(script(text, {"items": [machine.shell(text, "ls")]}, DONE))
    run = engine.launch_code(agent(ASKING["shell"][0]), text)
    [asked] = engine.asked(engine.wait(run, "awaiting_approval"))
    decide(asked.approval_id, approve=False, by=engine.person(), reason="not here")
    run = engine.wait(run, "succeeded", "failed")
    assert "not here" in str(sent_back(engine, text)[text]), engine.described(run)
    assert not engine.calls("shell", "start", text)


def test_a_shell_of_an_agent_used_as_a_tool_asks(engine: Installation) -> None:
    shell = [machine.shell("local-inner-shell", "ls")]
    engine.double.says(script("local-inner", {"items": shell}, {"text": "inner done"}))
    asking = {"calls": [call("ask", input="local-inner go")]}
    engine.double.says(script("local-outer", asking, {"text": "{outputs}"}))
    inner = agent(ASKING["shell"][0]).as_tool("ask", "Ask.")
    run = engine.launch_code(Agent(name="outer", model="test-model", tools=[inner]), "local-outer")
    [asked] = engine.asked(engine.wait(run, "awaiting_approval", "failed"))
    assert asked.arguments == {"commands": ["ls"]}
    decide(asked.approval_id, approve=True, by=engine.person())
    run = engine.wait(run, "succeeded", "failed")
    assert run.final_output == "inner done", engine.described(run)
    assert len(engine.calls("shell", "start", "local-inner-shell")) == 1


def test_a_shell_that_raises_is_told_to_the_model(engine: Installation) -> None:
    text = "local-raises"
    engine.double.says(script(text, {"items": [machine.shell(text, "fail")]}, DONE))
    run = engine.wait(engine.launch_code(agent(), text), "succeeded", "failed")
    assert "no shell here" in str(sent_back(engine, text)[text]), engine.described(run)
    [made] = engine.events(run, "tool.finished")
    assert (made.payload["ok"], made.payload["error"]) == (False, "OSError: no shell here")


@pytest.fixture(scope="module")
def runs(_looked_at: Installation) -> dict[str, Run]:
    """Runs whose worker was killed: after all calls, and in the middle of one."""
    engine = _looked_at
    engine.ready()
    warned = {"id": "sc_1", "code": "careful", "message": "m"}
    finished = everything("local-runs")
    finished[-1] |= {"pending_safety_checks": [warned]}
    approving = ShellTool(
        machine.run_commands, needs_approval=True, on_approval=machine.approve_once
    )
    typed = machine.computer("local-typing", {"type": "type", "text": "linger-typing"})
    launched = {
        "finished": (agent(), finished, STUCK),
        "approved": (agent(approving), [machine.shell("local-approved", "ls")], STUCK),
        "unknown": (agent(), [machine.shell("local-unknown", "linger")], DONE),
        "repeatable": (
            agent(ShellTool(machine.look_around)),
            [machine.shell("local-repeatable", "linger")],
            DONE,
        ),
        "typing": (agent(), [typed], DONE),
    }
    for name, (_one, items, then) in launched.items():
        engine.double.says(script(f"durable-local {name}", {"items": items}, then))
    made = {n: engine.launch_code(a, f"durable-local {n}") for n, (a, _, _) in launched.items()}
    for name in ("finished", "approved"):
        engine.event(made[name], "model.started", count=2)
    for tool, name in (("shell", "unknown"), ("shell", "repeatable"), ("screen", "typing")):
        engine.started(tool, name)
    engine.kill()
    engine.ready()
    return made


def test_finished_calls_are_not_made_again(engine: Installation, runs: dict[str, Run]) -> None:
    for name in ("finished", "approved"):
        run = engine.wait(runs[name], "succeeded", "failed", "awaiting_approval")
        assert run.status == "succeeded", engine.described(run)
    assert set(counts(engine, "local-runs").values()) == {1}
    assert len(engine.calls("accept", "start", "local-runs")) == 1
    assert len(engine.calls("shell", "start", "local-approved")) == 1
    assert len(engine.calls("approve_once", "start", "local-approved")) == 1


def test_a_call_in_flight_is_asked_about(engine: Installation, runs: dict[str, Run]) -> None:
    run = engine.wait(runs["unknown"], "awaiting_approval", "succeeded", "failed")
    [asked] = engine.asked(run, "outcome_unknown")
    assert asked.arguments == {"commands": ["linger"]}
    resolve_unknown(asked.approval_id, outcome="happened", by=engine.person(), result="I saw it")
    run = engine.wait(run, "succeeded", "failed")
    back = sent_back(engine, "durable-local unknown")
    assert back["local-unknown"]["output"][0]["stdout"] == "I saw it", engine.described(run)
    assert len(engine.calls("shell", "start", "local-unknown")) == 1


def test_one_that_may_be_repeated_is(engine: Installation, runs: dict[str, Run]) -> None:
    run = engine.wait(runs["repeatable"], "awaiting_approval", "succeeded", "failed")
    assert run.status == "succeeded", engine.described(run)
    assert len(engine.calls("shell", "start", "local-repeatable")) == 2


def test_after_work_at_a_computer_the_model_sees_its_screen(
    engine: Installation, runs: dict[str, Run]
) -> None:
    run = engine.wait(runs["typing"], "awaiting_approval", "succeeded", "failed")
    [asked] = engine.asked(run, "outcome_unknown")
    resolve_unknown(asked.approval_id, outcome="happened", by=engine.person(), result="typed")
    run = engine.wait(run, "succeeded", "failed")
    assert run.status == "succeeded", engine.described(run)
    assert len(engine.calls("screen", "start", "linger-typing")) == 1
    back = sent_back(engine, "durable-local typing")["local-typing"]
    assert back["output"]["type"] == "computer_screenshot"
