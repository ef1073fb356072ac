"""What exists in one process alone: named with its path in the agent, and what to do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from agents import (
    Agent,
    AgentHooks,
    ComputerTool,
    FunctionTool,
    Handoff,
    InputGuardrail,
    ModelSettings,
    RunConfig,
    SQLiteSession,
    function_tool,
    handoff,
)
from agents.agent_output import AgentOutputSchemaBase
from agents.models.interface import Model
from agents.models.multi_provider import MultiProvider
from agents.models.openai_chatcompletions import OpenAIChatCompletionsModel
from agents.retry import ModelRetrySettings, retry_policies
from openai import AsyncOpenAI

from tests.engine.travel import parts
from timestep.engine.travel import CannotTravel, describe
from timestep.errors import InvalidInput

Given = Callable[[], dict[str, Any]]


def _inner() -> Any:
    def instructions(context: Any, agent: Any) -> str:
        return ""

    return instructions


def _local_tool(**given: Any) -> FunctionTool:
    def local(text: str) -> str:
        return text

    made: FunctionTool = function_tool(local, **given)
    return made


def _local_class() -> type[Any]:
    class Local(parts.Report):
        pass

    return Local


async def _invoke(context: Any, text: str) -> Any: ...


def _live_model() -> Model:
    return OpenAIChatCompletionsModel("gpt-4.1", AsyncOpenAI(api_key="x"))


def _ask(**given: Any) -> FunctionTool:
    return Agent[Any](name="b").as_tool("ask", "d", **given)


CASES: dict[str, tuple[Given, str, str, str]] = {
    "a lambda": (
        lambda: {"instructions": lambda context, agent: ""},
        "agent 'a'.instructions",
        "is a lambda",
        "register_function",
    ),
    "a closure": (
        lambda: {"instructions": _inner()},
        "agent 'a'.instructions",
        "is made inside of a function",
        "register_function",
    ),
    "a bound method": (
        lambda: {"instructions": parts.Methods().bound},
        "agent 'a'.instructions",
        "is a method bound to an object",
        "register_function",
    ),
    "a partial": (
        lambda: {"prompt": functools.partial(parts.prompt)},
        "agent 'a'.prompt",
        "is a functools.partial",
        "register_function",
    ),
    "a live model": (
        lambda: {"model": _live_model()},
        "agent 'a'.model",
        "is a live OpenAIChatCompletionsModel object",
        "register_agent",
    ),
    "a tool made in a function": (
        lambda: {"tools": [parts.look_up, parts.refund, _local_tool()]},
        "agent 'a'.tools[2]",
        "is made inside of a function",
        "register_tool",
    ),
    "a tool of its own kind": (
        lambda: {"tools": [FunctionTool("manual", "d", {}, _invoke)]},
        "agent 'a'.tools[0]",
        "has under the name",
        "register_tool",
    ),
    "a live computer": (
        lambda: {"tools": [ComputerTool(object())]},
        "agent 'a'.tools[0].computer",
        "is a live object object",
        "bind it to a name",
    ),
    "a callback of a tool made in place": (
        lambda: {"tools": [function_tool(parts.plain_tool, is_enabled=lambda c, a: True)]},
        "agent 'a'.tools[0].is_enabled",
        "is a lambda",
        "register_function",
    ),
    "a guardrail": (
        lambda: {"input_guardrails": [parts.no_secrets, InputGuardrail(lambda c, a, i: None)]},  # type: ignore[arg-type,return-value]
        "agent 'a'.input_guardrails[1]",
        "is a lambda",
        "register_guardrail",
    ),
    "hooks": (
        lambda: {"hooks": AgentHooks()},
        "agent 'a'.hooks",
        "is a live AgentHooksBase object",
        "bind it to a name",
    ),
    "an output type": (
        lambda: {"output_type": _local_class()},
        "agent 'a'.output_type",
        "is made inside of a function",
        "define the class at the top level",
    ),
    "an output type in a list": (
        lambda: {"output_type": list[_local_class()]},  # type: ignore[misc]
        "agent 'a'.output_type",
        "is made inside of a function",
        "define the class at the top level",
    ),
    "a live output schema": (
        lambda: {"output_type": parts.Schema()},
        "agent 'a'.output_type",
        "is a live Schema object",
        "bind it to a name",
    ),
    "tool use": (
        lambda: {"tool_use_behavior": lambda context, results: None},
        "agent 'a'.tool_use_behavior",
        "is a lambda",
        "register_function",
    ),
    "mcp config": (
        lambda: {"mcp_config": {"failure_error_function": lambda context, error: ""}},
        "agent 'a'.mcp_config['failure_error_function']",
        "is a lambda",
        "register_function",
    ),
    "a retry policy": (
        lambda: {
            "model_settings": ModelSettings(
                retry=ModelRetrySettings(policy=retry_policies.http_status([500]))
            )
        },
        "agent 'a'.model_settings.retry.policy",
        "is made inside of a function",
        "register_function",
    ),
    "what JSON has no word for": (
        lambda: {"model_settings": ModelSettings(extra_body={"x": [1, float("nan")]})},
        "agent 'a'.model_settings.extra_body['x'][1]",
        "is nan",
        "change it",
    ),
    "what is no JSON": (
        lambda: {"model_settings": ModelSettings(extra_args={"x": {1, 2}})},
        "agent 'a'.model_settings.extra_args['x']",
        "is a live set object",
        "",
    ),
    "keys that are no texts": (
        lambda: {"model_settings": ModelSettings(extra_args={"x": {1: 2}})},
        "agent 'a'.model_settings.extra_args['x']",
        "has keys that are no texts",
        "",
    ),
    "a text that no database keeps": (
        lambda: {"instructions": "a\x00b"},
        "agent 'a'.instructions",
        "has a character that no database stores",
        "take it out",
    ),
    "a handoff by hand": (
        lambda: {"handoffs": [Handoff("n", "d", {}, _invoke, "b")]},
        "agent 'a'.handoffs[0]",
        "was not made by a version of the Agents SDK that Timestep knows",
        "agents.handoff",
    ),
    "a handoff's callback": (
        lambda: {"handoffs": [handoff(Agent(name="b"), is_enabled=lambda c, a: True)]},
        "agent 'a'.handoffs[0].is_enabled",
        "is a lambda",
        "register_function",
    ),
    "a handoff's filter": (
        lambda: {"handoffs": [handoff(Agent(name="b"), input_filter=lambda data: data)]},
        "agent 'a'.handoffs[0].input_filter",
        "is a lambda",
        "register_function",
    ),
    "an agent handed off to": (
        lambda: {"handoffs": [Agent(name="b", instructions=lambda c, a: "")]},
        "agent 'a'.handoffs[0] → agent 'b'.instructions",
        "is a lambda",
        "register_function",
    ),
    "an agent two away": (
        lambda: {
            "handoffs": [
                handoff(
                    Agent(
                        name="b", tools=[Agent(name="c", tools=[_local_tool()]).as_tool("x", "y")]
                    )
                )
            ]
        },
        "agent 'a'.handoffs[0] → agent 'b'.tools[0] → agent 'c'.tools[0]",
        "is made inside of a function",
        "register_tool",
    ),
    "a callback of an agent as a tool": (
        lambda: {"tools": [_ask(custom_output_extractor=_inner())]},
        "agent 'a'.tools[0].custom_output_extractor",
        "is made inside of a function",
        "register_function",
    ),
    "a session of an agent as a tool": (
        lambda: {"tools": [_ask(session=SQLiteSession("s"))]},
        "agent 'a'.tools[0].session",
        "is a live object",
        "leave the session out",
    ),
    "the configuration of an agent as a tool": (
        lambda: {"tools": [_ask(run_config=RunConfig(model=_live_model()))]},
        "agent 'a'.tools[0].run_config.model",
        "is a live object",
        "give the name of the model",
    ),
    "a dictionary as a server": (
        lambda: {"mcp_servers": [object()]},
        "agent 'a'.mcp_servers[0]",
        "is a live object object",
        "bind it to a name",
    ),
}

CONFIGS: dict[str, tuple[Given, str, str]] = {
    "model": (lambda: {"model": _live_model()}, "run_config.model", "is a live object"),
    "provider": (
        lambda: {"model_provider": MultiProvider(openai_api_key="k")},
        "run_config.model_provider",
        "is a live MultiProvider object",
    ),
    "guardrail": (
        lambda: {"output_guardrails": [InputGuardrail(lambda c, a, i: None)]},  # type: ignore[arg-type,return-value]
        "run_config.output_guardrails[0]",
        "is a lambda",
    ),
    "filter": (
        lambda: {"call_model_input_filter": lambda data: data.model_data},
        "run_config.call_model_input_filter",
        "is a lambda",
    ),
    "sandbox": (lambda: {"sandbox": {}}, "run_config.sandbox", "is a live object"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_named_with_its_path_and_the_mend(case: tuple[Given, str, str, str]) -> None:
    given, path, what, mend = case
    with pytest.raises(CannotTravel) as raised:
        describe(Agent(name="a", **given()))
    assert len(raised.value.problems) == 1
    assert raised.value.path == path
    assert what in raised.value.what
    assert mend in raised.value.mend


@pytest.mark.parametrize("case", CONFIGS.values(), ids=CONFIGS)
def test_what_of_a_run_configuration_cannot_travel(case: tuple[Given, str, str]) -> None:
    given, path, what = case
    with pytest.raises(CannotTravel) as raised:
        describe(Agent(name="a"), run_config=RunConfig(**given()))
    assert (raised.value.path, len(raised.value.problems)) == (path, 1)
    assert what in raised.value.what


def test_all_problems_are_told_at_once() -> None:
    other = Agent[Any](name="b", model=_live_model())
    agent = Agent[Any](name="a", instructions=_inner(), tools=[_local_tool()], handoffs=[other])
    with pytest.raises(CannotTravel) as raised:
        describe(agent)
    paths = [problem.path for problem in raised.value.problems]
    assert paths == [
        "agent 'a'.instructions",
        "agent 'a'.tools[0]",
        "agent 'a'.handoffs[0] → agent 'b'.model",
    ]
    assert str(raised.value).count("\n") == 2


def test_a_subclass_of_the_agent_is_registered_or_stays() -> None:
    class Own(Agent[Any]):
        pass

    with pytest.raises(CannotTravel, match=r"agent 'a': is a Own.*register_agent"):
        describe(Own(name="a"))


@pytest.mark.parametrize("what", [None, "agent", AgentOutputSchemaBase, 3])
def test_what_is_no_agent_is_refused(what: Any) -> None:
    with pytest.raises(InvalidInput, match="agent"):
        describe(what)


def test_what_is_no_run_configuration_is_refused() -> None:
    with pytest.raises(InvalidInput, match="run_config"):
        describe(Agent(name="a"), run_config="fast")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="run_config"):
        describe(Agent(name="a"), run_config={"no_such": 1})  # type: ignore[arg-type]


def test_an_argument_of_the_wrong_type_is_no_traceback() -> None:
    tool = Agent[Any](name="b").as_tool("ask", "d", conversation_id=object())  # type: ignore[arg-type]
    with pytest.raises(CannotTravel, match="agent 'a': is not plain JSON"):
        describe(Agent(name="a", tools=[tool]))
