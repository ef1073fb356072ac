"""Run configurations, field by field."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from agents import Agent, InputGuardrail, ModelSettings, RunConfig, ToolExecutionConfig
from agents.memory import SessionSettings
from agents.models.multi_provider import MultiProvider
from openai import AsyncOpenAI

from tests.engine.travel import parts
from tests.engine.travel.equality import differences
from timestep.engine.travel import CannotTravel, build_run_config, describe, missing_here
from timestep.errors import SpecNotBuildable

FIELDS: dict[str, Any] = {
    "model": "gpt-4.1",
    "model_provider": parts.PROVIDER,
    "model_settings": ModelSettings(temperature=0, tool_choice="auto"),
    "handoff_input_filter": parts.only_last,
    "nest_handoff_history": True,
    "handoff_history_mapper": parts.map_history,
    "input_guardrails": [parts.no_secrets, InputGuardrail(parts.plain_check)],
    "output_guardrails": [parts.polite],
    "tracing_disabled": True,
    "tracing": {"include_sensitive_data": True},
    "trace_include_sensitive_data": False,
    "workflow_name": "nightly",
    "trace_id": "trace_1",
    "group_id": "g",
    "trace_metadata": {"ref": "x", "n": [1, {"dict": None}]},
    "session_input_callback": parts.join_input,
    "call_model_input_filter": parts.filter_input,
    "tool_error_formatter": parts.format_error,
    "session_settings": SessionSettings(limit=3),
    "reasoning_item_id_policy": "omit",
    "tool_execution": ToolExecutionConfig(max_function_tool_concurrency=2),
    "tool_not_found_behavior": "return_error_to_model",
    "tool_name_collision_policy": "error",
    "output_guardrail_blocked_message": parts.format_error,
}


def _round_trip(config: RunConfig) -> RunConfig:
    spec = describe(Agent(name="a"), run_config=config)
    assert missing_here(spec) == ""
    built = build_run_config(spec)
    assert built is not None
    assert differences(config, built) == []
    assert describe(Agent(name="a"), run_config=built) == spec
    return built


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_travels(name: str) -> None:
    built = _round_trip(RunConfig(**{name: FIELDS[name]}))
    assert getattr(built, name) == FIELDS[name]


def test_every_field_of_the_sdk_is_tried() -> None:
    # A sandbox is live.
    assert {field.name for field in dataclasses.fields(RunConfig)} == {*FIELDS, "sandbox"}


def test_a_message_travels_as_well_as_a_function() -> None:
    _round_trip(RunConfig(output_guardrail_blocked_message="Not that."))


def test_the_sdks_own_model_provider_needs_no_words() -> None:
    spec = describe(Agent(name="a"), run_config=RunConfig(model_provider=MultiProvider()))
    assert spec["run_config"]["model_provider"] is None


def test_one_that_a_plain_run_has_used_is_still_the_sdks_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    config = RunConfig()
    config.model_provider.get_model("gpt-test")
    spec = describe(Agent(name="a"), run_config=config)
    assert spec["run_config"]["model_provider"] is None


def test_one_with_a_client_of_the_programs_own_does_not_travel() -> None:
    provider = MultiProvider(openai_client=AsyncOpenAI(api_key="sk-test"))
    with pytest.raises(CannotTravel, match="model_provider"):
        describe(Agent(name="a"), run_config=RunConfig(model_provider=provider))


def test_without_a_configuration_there_is_none() -> None:
    spec = describe(Agent(name="a"))
    assert spec["run_config"] is None
    assert build_run_config(spec) is None


def test_a_dictionary_is_taken_as_the_sdk_takes_it() -> None:
    given: Any = {"workflow_name": "w", "model_settings": {"temperature": 1}}
    built = build_run_config(describe(Agent(name="a"), run_config=given))
    assert built is not None
    assert built.model_settings == ModelSettings(temperature=1)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("no_such_field", 1, "is no run configuration that this version"),
        ("call_model_input_filter", "x", r"call_model_input_filter is no function"),
        ("model_settings", {"no_such": 1}, "are no model settings"),
        ("model_settings", {"temperature": "hot"}, "are refused"),
        ("input_guardrails", "x", "is no list of guardrails"),
        ("model_provider", {"ref": "tests.engine.travel.parts:AUDIT"}, "no model provider"),
        ("tool_name_collision_policy", "x", "must be either 'warn' or 'error'"),
    ],
)
def test_a_field_that_does_not_fit_is_refused(name: str, value: Any, says: str) -> None:
    spec = describe(Agent(name="a", instructions=parts.instruct), run_config=RunConfig())
    spec["run_config"][name] = value
    with pytest.raises(SpecNotBuildable, match=says):
        build_run_config(spec)
