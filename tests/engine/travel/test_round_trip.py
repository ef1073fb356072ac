"""What is described and built again is the same, field by field."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from typing import Any, Literal, Optional, Union

import pytest
from agents import (
    Agent,
    AgentOutputSchema,
    CodeInterpreterTool,
    ComputerProvider,
    ComputerTool,
    CustomTool,
    FileSearchTool,
    FunctionTool,
    HostedMCPTool,
    ImageGenerationTool,
    InputGuardrail,
    LocalShellTool,
    ModelSettings,
    OutputGuardrail,
    ShellTool,
    WebSearchTool,
    function_tool,
    tool_namespace,
)
from agents.model_settings import MCPToolChoice
from agents.retry import ModelRetryBackoffSettings, ModelRetrySettings
from agents.tool import ProgrammaticToolCallingTool, ToolSearchTool
from openai.types.responses.web_search_tool import Filters
from openai.types.shared import Reasoning

from tests.engine.travel import parts
from tests.engine.travel.equality import differences
from timestep.digests import canonical_json
from timestep.engine.travel import build, describe, missing_here
from timestep.tools import mark, options_of

SETTINGS = ModelSettings(
    temperature=0.2,
    top_p=0.9,
    frequency_penalty=0.1,
    presence_penalty=0.1,
    tool_choice=MCPToolChoice("label", "name"),
    parallel_tool_calls=False,
    truncation="auto",
    max_tokens=9,
    reasoning=Reasoning(effort="low", summary="auto"),
    verbosity="low",
    metadata={"a": "b"},
    store=False,
    prompt_cache_retention="24h",
    include_usage=True,
    response_include=["web_search_call.action.sources"],
    top_logprobs=2,
    extra_query={"q": [1, None, True, 0.5]},
    extra_body={"ref": "shop:secret", "dict": {"env": {}}},
    extra_args={"seed": 4, "stop_tokens": ["x"]},
    retry=ModelRetrySettings(max_retries=3, backoff=ModelRetryBackoffSettings(jitter=True)),
    context_management=[{"type": "compaction", "compact_threshold": 20}],
    preserve_raw_usage=True,
    timeout=3.5,
)

FIELDS: list[dict[str, Any]] = [
    {},
    {"instructions": "Be kind. ü 🙂"},
    {"instructions": parts.instruct},
    {"instructions": parts.Methods.instruct},
    {"instructions": parts.CALLABLE},
    {"prompt": {"id": "pmpt_1", "version": "2", "variables": {"name": "x", "ref": "y"}}},
    {"prompt": parts.prompt},
    {"handoff_description": "Does things."},
    {"model": "gpt-4.1"},
    {"model": "gpt-5", "model_settings": ModelSettings(temperature=1)},
    {"model_settings": SETTINGS},
    {"model_settings": ModelSettings(retry=ModelRetrySettings(policy=parts.RETRY))},
    {"model_settings": ModelSettings(tool_choice="required")},
    {"tool_use_behavior": "stop_on_first_tool"},
    {"tool_use_behavior": {"stop_at_tool_names": ["refund", "look_up"]}},
    {"tool_use_behavior": parts.decide},
    {"reset_tool_choice": False},
    {"mcp_config": {"convert_schemas_to_strict": True, "failure_error_function": parts.failed}},
    {"mcp_config": {"failure_error_function": None}},
    {"hooks": parts.AUDIT},
    {"input_guardrails": [parts.no_secrets, InputGuardrail(parts.plain_check)]},
    {"input_guardrails": [InputGuardrail(parts.plain_check, name="z", run_in_parallel=False)]},
    {"input_guardrails": [InputGuardrail(parts.no_secrets.guardrail_function, name="inside")]},
    {"output_guardrails": [parts.polite, OutputGuardrail(parts.plain_check, name="x")]},
]

OUTPUTS: list[Any] = [
    str,
    int,
    parts.Report,
    parts.Money,
    parts.Row,
    parts.Box[int],
    list[parts.Report],
    dict[str, list[parts.Money]],
    tuple[int, ...],
    Optional[parts.Report],  # noqa: UP045
    Union[parts.Report, parts.Row],  # noqa: UP007
    parts.Report | None,
    Literal["yes", "no", 3, None],
    list[date],
    parts.Outer.Inner,
    AgentOutputSchema(parts.Report),
    AgentOutputSchema(dict[str, Any], strict_json_schema=False),
    parts.SCHEMA,
]

TOOLS: list[Any] = [
    parts.look_up,
    parts.refund,
    parts.bound_by_name,
    function_tool(parts.plain_tool),
    mark(function_tool(parts.plain_tool), title="Plain", preview=parts.look_ahead),
    function_tool(
        parts.plain_tool,
        name_override="other",
        description_override="",
        strict_mode=False,
        needs_approval=parts.asks,
        is_enabled=parts.enabled,
        failure_error_function=None,
        tool_input_guardrails=[parts.check_arguments, parts.HAND_MADE_CHECK],
        tool_output_guardrails=[parts.check_output],
        defer_loading=True,
    ),
    function_tool(parts.slow_tool, timeout=3, timeout_error_function=parts.failed),
    tool_namespace(name="crm", description="of customers", tools=[parts.refund])[0],
    tool_namespace(name="crm", description="d", tools=[function_tool(parts.plain_tool)])[0],
    FileSearchTool(
        ["vs_1"],
        max_num_results=3,
        ranking_options={"ranker": "auto", "score_threshold": 0.5},
        filters={"key": "a", "type": "eq", "value": "b"},
    ),
    WebSearchTool(
        user_location={"type": "approximate", "city": "Rome"},
        filters=Filters(allowed_domains=["example.com"]),
        search_context_size="low",
    ),
    CodeInterpreterTool({"type": "code_interpreter", "container": {"type": "auto"}}),
    ImageGenerationTool({"type": "image_generation", "quality": "low"}),
    HostedMCPTool(
        {"type": "mcp", "server_label": "x", "server_url": "https://x.example"}, parts.approve
    ),
    LocalShellTool(parts.execute),
    ShellTool(parts.execute, needs_approval=parts.asks_shell, on_approval=parts.approve),
    ShellTool(environment={"type": "container_auto", "file_ids": ["f"]}),
    ComputerTool(parts.execute),
    ComputerTool(ComputerProvider(parts.execute, parts.dispose)),
    CustomTool("c", "d", parts.execute, format={"type": "text"}),
    ToolSearchTool(description="search", execution="client", parameters={"type": "object"}),
    ProgrammaticToolCallingTool(),
]


def _round_trip(agent: Agent[Any]) -> Agent[Any]:
    spec = describe(agent)
    assert missing_here(spec) == ""
    built = build(spec)
    assert canonical_json(describe(built)) == canonical_json(spec)
    assert differences(agent, built) == []
    return built


@pytest.mark.parametrize("fields", FIELDS, ids=",".join)
def test_every_field_of_an_agent_travels(fields: dict[str, Any]) -> None:
    agent = Agent[Any](name="a", **fields)
    built = _round_trip(agent)
    assert built is not agent
    assert built.model_settings == agent.model_settings


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: str(output).partition(" at 0x")[0])
def test_output_types_travel(output: Any) -> None:
    built = _round_trip(Agent(name="a", output_type=output))
    assert isinstance(output, AgentOutputSchema) or built.output_type == output


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: f"{type(tool).__name__}-{tool.name}")
def test_tools_travel(tool: Any) -> None:
    built = _round_trip(Agent(name="a", tools=[tool])).tools[0]
    assert type(built) is type(tool)
    assert built.name == tool.name
    assert options_of(built) == options_of(tool)


def test_a_tool_of_a_module_is_that_very_tool() -> None:
    built = build(describe(Agent(name="a", tools=[parts.look_up, parts.bound_by_name])))
    assert built.tools[0] is parts.look_up
    assert built.tools[1] is parts.bound_by_name


def test_a_tool_says_what_it_is_in_the_spec() -> None:
    spec = describe(Agent(name="a", tools=[parts.refund, parts.look_up]))
    refund, look_up = spec["agents"]["a"]["tools"]
    assert (refund["needs_approval"], refund["idempotent"]) == (True, False)
    assert (look_up["needs_approval"], look_up["idempotent"]) == (False, True)
    assert refund["code"] == {"ref": "tests.engine.travel.parts:refund"}
    assert len(refund["digest"]) == 64


def test_settings_that_equal_the_default_of_another_model_stay() -> None:
    agent = Agent[Any](name="a", model="gpt-4.1")
    agent.model_settings = Agent[Any](name="b").model_settings
    assert build(describe(agent)).model_settings == agent.model_settings


def test_what_the_spec_needs_is_named() -> None:
    spec = describe(Agent(name="a", tools=[parts.refund], instructions=parts.instruct))
    assert spec["needs"] == {
        "modules": ["tests.engine.travel.parts"],
        "registered": [],
        "script": None,
        "environment": [],
    }


def test_describing_twice_gives_the_same_bytes(forget: Callable[[], None]) -> None:
    agents = [Agent[Any](name="a", **fields) for fields in FIELDS]
    first = [canonical_json(describe(agent)) for agent in agents]
    forget()
    assert [canonical_json(describe(agent)) for agent in agents] == first


def test_every_field_of_the_sdk_is_known() -> None:
    described = describe(Agent(name="a"))["agents"]["a"]
    assert {field.name for field in dataclasses.fields(Agent)} == described.keys()
    assert {field.name for field in dataclasses.fields(FunctionTool)} == KNOWN_TOOL_FIELDS


KNOWN_TOOL_FIELDS = {
    *("name", "description", "params_json_schema", "on_invoke_tool", "strict_json_schema"),
    *("is_enabled", "needs_approval", "tool_input_guardrails", "tool_output_guardrails"),
    *("timeout_seconds", "timeout_behavior", "timeout_error_function", "defer_loading"),
    *("custom_data_extractor", "allowed_callers", "output_json_schema"),
    *("_output_type_adapter", "_failure_error_function", "_use_default_failure_error_function"),
    *("_is_agent_tool", "_agent_tool_default_identity", "_is_codex_tool", "_agent_instance"),
    *("_tool_namespace", "_tool_namespace_description", "_mcp_title", "_tool_origin"),
    *("_emit_tool_origin", "_mcp_tool_binding", "_mcp_annotations"),
}
