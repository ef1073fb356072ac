"""MCP servers: every option travels, and nothing is started or reached that nobody named."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from agents import Agent
from agents.mcp import (
    MCPServer,
    MCPServerSse,
    MCPServerStdio,
    MCPServerStreamableHttp,
    create_static_tool_filter,
)
from pytest_django.fixtures import Settings

from tests.engine.travel import parts
from tests.engine.travel.equality import differences
from timestep.engine.travel import CannotTravel, build, describe, missing_here
from timestep.engine.travel.mcp_servers import OPTIONS
from timestep.errors import SpecNotBuildable

URL = "https://mcp.example.com/one"

GIVEN: list[dict[str, Any]] = [
    {},
    {"cache_tools_list": True, "name": "files", "client_session_timeout_seconds": None},
    {"tool_filter": create_static_tool_filter(["a"], ["b"]), "use_structured_content": True},
    {"tool_filter": parts.enabled, "message_handler": parts.on_stream, "max_list_pages": 3},
    {"max_retry_attempts": 2, "retry_backoff_seconds_base": 0.5, "retry_backoff_seconds_max": 3},
    {"require_approval": "always"},
    {"require_approval": {"a": "always", "always": "never"}},
    {"require_approval": {"always": {"tool_names": ["a"]}, "never": {"tool_names": ["b"]}}},
    {"require_approval": parts.asks},
    {"failure_error_function": None},
    {"failure_error_function": parts.failed},
    {"tool_meta_resolver": parts.resolve_meta, "custom_data_extractor": parts.resolve_meta},
    {"tool_input_guardrails": [parts.check_arguments], "tool_output_guardrails": []},
]

SERVERS: dict[str, Callable[..., MCPServer]] = {
    "stdio": lambda **given: MCPServerStdio(
        {"command": "npx", "args": ["-y", "x"], "cwd": Path("/tmp"), "encoding": "latin-1"}, **given
    ),
    "sse": lambda **given: MCPServerSse({"url": URL, "timeout": 3}, **given),
    "http": lambda **given: MCPServerStreamableHttp(
        {"url": URL, "sse_read_timeout": timedelta(minutes=2), "terminate_on_close": False}, **given
    ),
}


@pytest.mark.parametrize("given", GIVEN, ids=",".join)
@pytest.mark.parametrize("kind", SERVERS)
def test_every_option_of_a_server_travels(kind: str, given: dict[str, Any]) -> None:
    agent = Agent[Any](name="a", mcp_servers=[SERVERS[kind](**given)])
    spec = describe(agent)
    assert missing_here(spec) == ""
    built = build(spec)
    assert differences(agent, built) == []
    assert built.mcp_servers[0] is not agent.mcp_servers[0]


@pytest.mark.parametrize("made", [MCPServerStdio, MCPServerSse, MCPServerStreamableHttp])
def test_every_argument_of_the_sdk_is_known(made: type[Any]) -> None:
    special = {"params", "name", "require_approval", "failure_error_function"}
    guardrails = {"tool_input_guardrails", "tool_output_guardrails"}
    known = {"self", *special, *guardrails, *OPTIONS}
    assert set(inspect.signature(made.__init__).parameters) == known


@pytest.mark.parametrize(
    ("kind", "says", "allows", "others"),
    [
        ("stdio", "would start npx; name it in TIMESTEP_MCP", ["npx"], ["np", "npx2", "/bin/npx"]),
        (
            "http",
            f"would reach {URL}; name it in TIMESTEP_MCP",
            ["https://mcp.example.com", URL, "https://mcp.example.com/"],
            ["https://mcp.example", "http://mcp.example.com", "mcp.example.com", f"{URL}/two"],
        ),
    ],
)
def test_a_server_from_elsewhere_must_be_named(
    kind: str,
    says: str,
    allows: list[str],
    others: list[str],
    settings: Settings,
    forget: Callable[[], None],
) -> None:
    spec = describe(Agent(name="a", mcp_servers=[SERVERS[kind]()]))
    forget()
    for named in ([], *([other] for other in others)):
        settings.TIMESTEP_MCP = named
        assert says in missing_here(spec)
        with pytest.raises(SpecNotBuildable, match=r"agent 'a'\.mcp_servers\[0\] would"):
            build(spec)
    for name in allows:
        settings.TIMESTEP_MCP = [name]
        assert missing_here(spec) == ""
        assert len(build(spec).mcp_servers) == 1


def test_what_was_described_here_allows_nothing_else() -> None:
    spec = describe(Agent(name="a", mcp_servers=[SERVERS["stdio"]()]))
    spec["agents"]["a"]["mcp_servers"][0]["params"]["args"] = ["-y", "evil"]
    with pytest.raises(SpecNotBuildable, match="would start npx"):
        build(spec)


def test_a_server_of_a_class_of_its_own_goes_by_import_path() -> None:
    agent = Agent[Any](name="a", mcp_servers=[parts.SERVER])
    assert build(describe(agent)).mcp_servers == [parts.SERVER]
    agent = Agent[Any](name="a", mcp_servers=[parts.OwnServer({"command": "c"})])
    with pytest.raises(CannotTravel, match=r"mcp_servers\[0\]: is a live OwnServer object"):
        describe(agent)


def test_an_authentication_object_is_bound_to_a_name() -> None:
    server = MCPServerStreamableHttp({"url": URL, "auth": object()})
    with pytest.raises(CannotTravel, match=r"mcp_servers\[0\].params.auth: is a live object"):
        describe(Agent(name="a", mcp_servers=[server]))
    server.params["auth"] = parts.AUTH
    built = build(describe(Agent(name="a", mcp_servers=[server]))).mcp_servers[0]
    assert isinstance(built, MCPServerStreamableHttp)
    assert built.params["auth"] is parts.AUTH
