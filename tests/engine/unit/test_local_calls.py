"""Calls of tools on this machine: whose they are, and what a policy does to them."""

from __future__ import annotations

from typing import Any, cast

import pytest
from agents import (
    Agent,
    ApplyPatchTool,
    ComputerProvider,
    ComputerTool,
    CustomTool,
    LocalShellTool,
    ModelResponse,
    RunConfig,
    Runner,
    ShellTool,
    Usage,
)
from agents.editor import ApplyPatchOperation
from agents.testing import ScriptedModel, assistant_message
from pydantic import TypeAdapter

from tests.campaign import machine
from timestep.engine.durable_agent import make_durable, steps_around_tools
from timestep.engine.durable_approval import DENIED
from timestep.engine.durable_local_tools import CANNOT_WAIT, DurableEditor, durable_local_tool
from timestep.engine.execution import Scope, current_scope
from timestep.engine.local_calls import (
    arguments_of,
    keep_steps_again,
    local_calls,
    local_questions,
    made_here,
)

CALLS = [
    machine.local_shell("c1", "ls", "-l"),
    machine.shell("c2", "pwd"),
    machine.patch("c3", "create_file", "a", diff="+a"),
    machine.custom("c4", "why"),
    machine.computer("c5", {"type": "wait"}),
]


class Ids:
    """Step ids for calls that no test makes."""

    def take(self) -> object:
        """The next."""
        return object()


@pytest.fixture
def scope() -> Any:
    """A run's scope, as far as calls need one that are not made."""
    made = Scope(cast("Any", type("Run", (), {"run_id": "r"})()), cast("Any", Ids()))
    token = current_scope.set(made)
    yield made
    current_scope.reset(token)


def items() -> list[Any]:
    """The calls as the SDK has them."""
    response = {"output": CALLS, "usage": Usage(), "response_id": None}
    return TypeAdapter(ModelResponse).validate_python(response).output


def quiet(agent: Agent[Any]) -> Any:
    """The agent's run, outside of the engine."""
    return Runner.run(agent, "go", run_config=RunConfig(tracing_disabled=True))


def test_calls_are_the_same_as_objects_and_as_json() -> None:
    found = local_calls(items())
    assert [(c.call_id, c.kind, c.name, c.arguments) for c in found] == [
        (c.call_id, c.kind, c.name, c.arguments) for c in local_calls([*CALLS, {"type": "x"}])
    ]
    assert [call.name for call in found][3:] == ["answer", "computer_call"]


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (CALLS[0], '"command": ["ls", "-l"]'),
        (CALLS[1], '"commands": ["pwd"]'),
        (CALLS[2], '"diff": "+a"'),
        (CALLS[3], "why"),
        (CALLS[4], '[{"type": "wait"}]'),
    ],
)
def test_people_see_what_a_call_would_do(item: Any, said: str) -> None:
    assert said in str(arguments_of(item))
    assert arguments_of({"type": "function_call", "call_id": "f"}) is None


def test_each_call_has_the_tool_that_the_sdk_takes() -> None:
    tools = machine.all_tools()
    assert [tool for _call, tool in made_here(items(), tools)] == tools
    either = [ShellTool(machine.run_commands)]
    assert [call.call_id for call, _tool in made_here(CALLS, either)] == ["c1", "c2"]
    assert not made_here(CALLS, [ShellTool(environment={"type": "container_auto"})])
    assert not made_here(CALLS, [CustomTool("other", "", machine.answer)])


def test_the_gate_is_asked_with_what_the_tool_says(scope: Scope) -> None:
    asking = durable_local_tool(ShellTool(machine.run_commands, needs_approval=True), "x")
    answered = durable_local_tool(
        CustomTool(
            "answer", "", machine.answer, needs_approval=True, on_approval=machine.approve_once
        ),
        "x",
    )
    pairs = made_here(CALLS[1:4], [asking, answered])
    asked = local_questions(scope, "x", pairs)
    # The author's function answers in a person's place; the gate is not told that it asks.
    assert [(one.call.tool, one.call.asks) for one in asked] == [("shell", True), ("answer", False)]


def test_steps_are_kept_for_who_asks_and_who_answers() -> None:
    tool = ApplyPatchTool(machine.EDITOR, needs_approval=True, on_approval=machine.approve_once)
    asking = CustomTool("answer", "", machine.answer, needs_approval=True)
    agent = make_durable(Agent(name="x", tools=[tool, asking, LocalShellTool(machine.run_command)]))
    around = steps_around_tools(agent)
    assert [around(name) for name in ("apply_patch_call", "answer", "local_shell_call")] == [
        2,
        0,
        0,
    ]


@pytest.mark.parametrize(("verdict", "told"), [("deny", DENIED), ("ask", CANNOT_WAIT)])
async def test_a_policy_keeps_a_shell_from_its_work(scope: Scope, verdict: str, told: str) -> None:
    [call] = local_calls(CALLS[:1])
    keep_steps_again(scope, CALLS[:1], lambda _name: 0)
    scope.verdicts[call.call_id] = verdict
    tool: Any = durable_local_tool(LocalShellTool(machine.run_command), "x")
    request = type("Request", (), {"data": items()[0]})()
    assert await tool.executor(request) == told


async def test_denied_patches_that_say_the_same_are_one_call_each(scope: Scope) -> None:
    twice = [machine.patch(call_id, "delete_file", "a") for call_id in ("p1", "p2")]
    keep_steps_again(scope, twice, lambda _name: 0)
    scope.verdicts |= dict.fromkeys(scope.local_calls, "deny")
    editor = DurableEditor(ApplyPatchTool(machine.EDITOR), "x")
    for left in (["p2"], []):
        said = await editor.delete_file(ApplyPatchOperation("delete_file", "a"))
        assert (said.status, said.output) == ("failed", DENIED)
        assert list(scope.steps) == left


async def test_outside_a_run_copies_work_like_the_originals(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("TIMESTEP_TEST_JOURNAL", str(tmp_path / "journal"))
    model = ScriptedModel([items(), [assistant_message("done")]])
    result = await quiet(make_durable(Agent(name="x", model=model, tools=machine.all_tools())))
    outputs = [item.output for item in result.new_items if item.type == "tool_call_output_item"]
    assert {"", "answer to why", "created a", "ran ls -l"} < set(outputs)
    assert len(outputs) == len(CALLS)


async def test_a_computer_is_made_and_ended_as_its_tool_says() -> None:
    ended: list[Any] = []
    screen = machine.Screen()

    async def create(*, run_context: Any) -> machine.Screen:
        return screen

    async def dispose(*, run_context: Any, computer: Any) -> None:
        ended.append(computer)

    tool = ComputerTool[Any](ComputerProvider(create=create, dispose=dispose))
    model = ScriptedModel([[assistant_message("done")]])
    await quiet(make_durable(Agent(name="x", model=model, tools=[tool])))
    assert ended == [screen]
