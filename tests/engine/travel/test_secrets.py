"""No value that looks like a secret is stored: the names of variables are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from agents import Agent, HostedMCPTool, ModelSettings, RunConfig, ShellTool
from agents.mcp import MCPServer, MCPServerSse, MCPServerStdio, MCPServerStreamableHttp

from timestep.engine.travel import CannotTravel, build, build_run_config, describe, missing_here
from timestep.errors import SpecNotBuildable

VALUE = "hush-hush-hush"
NAME = "TOKEN_OF_TESTS"
URL = "http://127.0.0.1:9/mcp"

Given = Callable[[str], dict[str, Any]]


def _hosted(**config: Any) -> dict[str, Any]:
    whole: Any = {"type": "mcp", "server_label": "x", "server_url": "https://x.example", **config}
    return {"tools": [HostedMCPTool(whole)]}


def _shell(secret: str) -> dict[str, Any]:
    known = [{"domain": "x.example", "name": "X", "value": secret}]
    policy = {"type": "allowlist", "allowed_domains": ["x.example"], "domain_secrets": known}
    environment: Any = {"type": "container_auto", "network_policy": policy}
    return {"tools": [ShellTool(environment=environment)]}


def _server(server: MCPServer) -> dict[str, Any]:
    return {"mcp_servers": [server]}


SECRETS: dict[str, tuple[Given, str]] = {
    "the environment of a command": (
        lambda value: _server(MCPServerStdio({"command": "c", "env": {"K": value}})),
        "mcp_servers[0].params.env['K']",
    ),
    "an option": (
        lambda value: _server(MCPServerStdio({"command": "c", "args": ["--api-key", value]})),
        "mcp_servers[0].params.args[1]",
    ),
    "an option in one word": (
        lambda value: _server(MCPServerStdio({"command": "c", "args": [f"--token={value}"]})),
        "mcp_servers[0].params.args[0]",
    ),
    "headers of a stream": (
        lambda value: _server(
            MCPServerStreamableHttp({"url": URL, "headers": {"Authorization": f"Bearer {value}"}})
        ),
        "mcp_servers[0].params.headers['Authorization']",
    ),
    "headers of events": (
        lambda value: _server(MCPServerSse({"url": URL, "headers": {"X": value}})),
        "mcp_servers[0].params.headers['X']",
    ),
    "headers of a hosted server": (
        lambda value: _hosted(headers={"X-Anything": value}),
        "tools[0].tool_config['headers']['X-Anything']",
    ),
    "the authorization of a hosted server": (
        lambda value: _hosted(authorization=value),
        "tools[0].tool_config['authorization']",
    ),
    "secrets of domains": (
        _shell,
        "tools[0].environment['network_policy']['domain_secrets'][0]",
    ),
    "headers of the model": (
        lambda value: {"model_settings": ModelSettings(extra_headers={"X": value})},
        "model_settings.extra_headers['X']",
    ),
    "keys among the arguments of the model": (
        lambda value: {"model_settings": ModelSettings(extra_args={"api_key": value})},
        "model_settings.extra_args['api_key']",
    ),
}


@pytest.mark.parametrize("case", SECRETS.values(), ids=SECRETS)
def test_a_secret_of_the_environment_goes_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, case: tuple[Given, str]
) -> None:
    given, _ = case
    monkeypatch.setenv(NAME, VALUE)
    spec = describe(Agent(name="a", **given(VALUE)))
    assert VALUE not in json.dumps(spec)
    assert spec["needs"]["environment"] == [NAME]
    monkeypatch.setenv(NAME, "another-secret-by-now")
    assert "another-secret-by-now" in _shown(build(spec))
    monkeypatch.delenv(NAME)
    with pytest.raises(
        SpecNotBuildable, match=f"the environment variable {NAME}, which is not set"
    ):
        build(spec)
    assert f"needs the environment variable {NAME}, which is not set" in missing_here(spec)


def _shown(agent: Agent[Any]) -> str:
    servers = [server.params for server in agent.mcp_servers]  # type: ignore[attr-defined]
    return repr((agent.tools, agent.model_settings, servers))


@pytest.mark.parametrize("case", SECRETS.values(), ids=SECRETS)
def test_a_secret_of_nowhere_cannot_travel(case: tuple[Given, str]) -> None:
    given, path = case
    with pytest.raises(CannotTravel) as raised:
        describe(Agent(name="a", **given("a-secret-of-nowhere")))
    assert raised.value.path == f"agent 'a'.{path}"
    assert "would be stored in the database" in raised.value.what
    assert "environment variable" in raised.value.mend
    assert "a-secret-of-nowhere" not in str(raised.value)


@pytest.mark.parametrize("url", [f"http://u:{VALUE}@127.0.0.1/x", f"{URL}?api_key={VALUE}"])
def test_an_address_with_a_secret_goes_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    agent = Agent[Any](name="a", mcp_servers=[MCPServerStreamableHttp({"url": url})])
    with pytest.raises(CannotTravel, match=r"mcp_servers\[0\]\.params\.url") as raised:
        describe(agent)
    assert VALUE not in str(raised.value)
    monkeypatch.setenv("MCP_ADDRESS", url)
    spec = describe(agent)
    assert VALUE not in json.dumps(spec)
    assert build(spec).mcp_servers[0].name == f"streamable_http: {url}"


def test_a_secret_in_a_text_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, VALUE)
    monkeypatch.setenv("NOT_HIDDEN", "everybody-knows-this")
    describe(Agent(name="a", instructions="everybody-knows-this"))
    with pytest.raises(CannotTravel) as raised:
        describe(Agent(name="a", instructions=f"The key is {VALUE}."))
    assert raised.value.path == "agent 'a'.instructions"
    assert f"holds the value of {NAME}" in raised.value.what
    assert VALUE not in str(raised.value)


def test_a_variable_of_the_same_name_is_the_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("B_COPY", "MODE", "A_COPY"):
        monkeypatch.setenv(name, "strict-mode")
    env = {"MODE": "strict-mode", "OTHER": "strict-mode", "EMPTY": ""}
    spec = describe(Agent(name="a", mcp_servers=[MCPServerStdio({"command": "c", "env": env})]))
    kept = spec["agents"]["a"]["mcp_servers"][0]["params"]["env"]["dict"]
    assert [kept["MODE"]["env"], kept["OTHER"]["env"], kept["EMPTY"]] == ["MODE", "A_COPY", ""]


def test_the_key_for_tracing_goes_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(NAME, VALUE)
    spec = describe(Agent(name="a"), run_config=RunConfig(tracing={"api_key": VALUE}))
    assert VALUE not in json.dumps(spec)
    built = build_run_config(spec)
    assert built is not None
    assert built.tracing == {"api_key": VALUE}


def test_errors_of_servers_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, VALUE)
    spec = describe(
        Agent(name="a", mcp_servers=[MCPServerStdio({"command": "c", "env": {"K": VALUE}})])
    )
    part = spec["agents"]["a"]["mcp_servers"][0]
    part["params"]["env"]["dict"]["K"] = [part["params"]["env"]["dict"]["K"]]
    with pytest.raises(SpecNotBuildable) as raised:
        build(spec)
    assert VALUE not in str(raised.value)
