"""What is described in one place and built in another is the same."""

from __future__ import annotations

import json

import pytest
from agents import (
    Agent,
    HostedMCPTool,
    InputGuardrail,
    RunConfig,
    WebSearchTool,
    handoff,
)
from agents.mcp import MCPServerStdio

from tests.engine.travel import parts
from timestep.engine.travel import build, build_run_config, describe, missing_here


def test_an_agent_with_everything_is_described_the_same_when_built_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN_OF_TESTS", "hush-hush")
    leaf = Agent[None](name="leaf", instructions=parts.instruct, output_type=parts.Report)
    asked = leaf.as_tool("ask", "d", custom_output_extractor=parts.extract, max_turns=3)
    middle = Agent[None](name="middle", tools=[asked])
    headers = {"Authorization": "Bearer hush-hush"}
    hosted = HostedMCPTool(
        tool_config={
            "type": "mcp",
            "server_label": "x",
            "server_url": "https://x",
            "headers": headers,
        }
    )
    server = MCPServerStdio({"command": "python", "env": {"K": "hush-hush"}})
    first = Agent[None](
        name="first",
        tools=[parts.look_up, parts.refund, WebSearchTool(), middle.as_tool(None, None), hosted],
        input_guardrails=[parts.no_secrets, InputGuardrail(parts.plain_check, name="z")],
        hooks=parts.AUDIT,
        output_type=list[parts.Row],
        mcp_servers=[server],
    )
    first.handoffs = [Agent[None](name="second", handoffs=[first, handoff(middle)])]
    spec = describe(first, run_config=RunConfig(input_guardrails=[parts.no_secrets]))
    assert "hush-hush" not in json.dumps(spec)
    assert missing_here(spec) == ""
    assert describe(build(spec), run_config=build_run_config(spec)) == spec
