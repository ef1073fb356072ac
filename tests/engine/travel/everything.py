"""One graph of agents that has all that travels, for other processes to build."""

from __future__ import annotations

from typing import Any

from agents import (
    Agent,
    HostedMCPTool,
    ModelSettings,
    RunConfig,
    WebSearchTool,
    function_tool,
    handoff,
)
from agents.mcp import (
    MCPServerSse,
    MCPServerStdio,
    MCPServerStreamableHttp,
    create_static_tool_filter,
)
from openai.types.shared import Reasoning

from tests.engine.travel import parts

SECRET = "hush-hush-hush"
ENVIRONMENT = {"TOKEN_OF_TESTS": SECRET, "TIMESTEP_MCP": "python,http://127.0.0.1:9"}
HEADERS = {"Authorization": f"Bearer {SECRET}"}


def servers() -> list[Any]:
    """One MCP server of each kind."""
    return [
        MCPServerStdio(
            {"command": "python", "args": ["-m", "x", f"--token={SECRET}"], "env": {"K": SECRET}},
            tool_filter=create_static_tool_filter(allowed_tool_names=["a"]),
            require_approval={"always": {"tool_names": ["a"]}},
        ),
        MCPServerSse({"url": "http://127.0.0.1:9/sse", "headers": HEADERS}, name="events"),
        MCPServerStreamableHttp(
            {"url": "http://127.0.0.1:9/mcp", "timeout": 3, "headers": HEADERS},
            require_approval="always",
            failure_error_function=parts.failed,
            tool_input_guardrails=[parts.check_arguments],
            tool_meta_resolver=parts.resolve_meta,
        ),
    ]


def everything() -> Agent[Any]:
    """An agent that reaches a circle, two levels of agents as tools, and all kinds of parts."""
    leaf = Agent[Any](name="leaf", instructions=parts.instruct, output_type=parts.Report)
    ask = leaf.as_tool("ask", "Ask it.", parts.extract, max_turns=3, parameters=parts.Money)
    middle = Agent[Any](name="middle", tools=[ask, parts.refund], hooks=parts.AUDIT)
    hosted: Any = {"type": "mcp", "server_label": "x", "server_url": "http://127.0.0.1:9/x"}
    hosted["headers"] = HEADERS
    first = Agent[Any](
        name="first",
        model="gpt-5",
        model_settings=ModelSettings(
            reasoning=Reasoning(effort="low"), extra_headers={"X-Key": SECRET}
        ),
        tools=[
            parts.look_up,
            function_tool(parts.plain_tool, needs_approval=parts.asks),
            WebSearchTool(),
            HostedMCPTool(hosted),
            middle.as_tool(None, None, needs_approval=True),
        ],
        mcp_servers=servers(),
        input_guardrails=[parts.no_secrets],
        output_guardrails=[parts.polite],
        output_type=list[parts.Row],
        tool_use_behavior=parts.decide,
    )
    given: Any = {"on_handoff": parts.on_money, "input_type": parts.Money}
    second = Agent[Any](name="second", handoffs=[handoff(first, **given), middle])
    first.handoffs = [second, handoff(second, input_filter=parts.only_last)]
    return first


def config() -> RunConfig:
    """A configuration with something in most fields."""
    return RunConfig(
        model="gpt-4.1",
        model_settings=ModelSettings(temperature=0),
        input_guardrails=[parts.no_secrets],
        tracing={"api_key": SECRET},
        trace_metadata={"a": [1, None]},
        call_model_input_filter=parts.filter_input,
    )
