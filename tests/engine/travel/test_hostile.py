"""A spec that somebody planted: nothing foreign is imported or called, no error but ours."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from agents import Agent, HostedMCPTool, ModelSettings, RunConfig, WebSearchTool, handoff
from agents.mcp import MCPServerStreamableHttp
from pytest_django.fixtures import Settings

from tests.engine.travel import parts
from timestep.engine.travel import build, build_run_config, describe, missing_here
from timestep.errors import SpecNotBuildable

HERE = "tests.engine.travel.parts"
# Modules that nothing in these tests imports, and that stay so.
UNUSED = ("antigravity", "turtledemo.clock", "idlelib.help")

GONE = object()
JUNK: list[Any] = [
    None,
    True,
    1.5,
    "\x00",
    ["x", 1],
    {},
    {"ref": "os:system"},
    {"ref": f"{HERE}:look_up"},
    {"ref": f"{HERE}:Money"},
    {"registered": "x", "digest": "x"},
    {"dict": {"a": 1}},
    {"object": {"ref": f"{HERE}:Money"}, "fields": {"no_such": 1}},
    {"enum": {"ref": f"{HERE}:Size"}, "name": "__class__"},
    {"type": {"named": "no such"}},
    {"env": "PATH", "scheme": 3},
]


def _spec() -> dict[str, Any]:
    asked = Agent[Any](name="b", output_type=list[parts.Report]).as_tool("ask", "d", max_turns=3)
    agent = Agent[Any](
        name="a",
        instructions=parts.instruct,
        model_settings=ModelSettings(temperature=1, extra_body={"x": (1, [2])}),
        tools=[parts.refund, asked, WebSearchTool()],
        handoffs=[handoff(Agent(name="c"), on_handoff=parts.on_money, input_type=parts.Money)],
        mcp_servers=[MCPServerStreamableHttp({"url": "http://127.0.0.1:9"})],
        input_guardrails=[parts.no_secrets],
        hooks=parts.AUDIT,
    )
    return describe(agent, run_config=RunConfig(model="m", workflow_name="w"))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield from _places(item, (*path, key))


@contextmanager
def _changed(spec: Any, path: tuple[Any, ...], value: Any) -> Iterator[Any]:
    """The spec with another value in one place."""
    if not path:
        yield value
        return
    place = spec
    for key in path[:-1]:
        place = place[key]
    before = place[path[-1]]
    if value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    yield spec
    place[path[-1]] = before


def _is_handled(spec: Any) -> None:
    """Build what can be built; what cannot is refused with our error alone."""
    refusals = [missing_here(spec)]
    for make in (build, build_run_config):
        try:
            make(spec)
        except SpecNotBuildable as error:
            refusals.append(str(error))
    assert all(isinstance(refusal, str) for refusal in refusals)


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_junk_in_every_place_of_a_spec_is_refused_or_harmless(junk: Any) -> None:
    spec = _spec()
    for path in list(_places(spec)):
        with _changed(spec, path, junk) as changed:
            _is_handled(changed)


def test_a_spec_that_lacks_anything_is_refused_or_harmless() -> None:
    spec = _spec()
    for path in [path for path in _places(spec) if path and isinstance(path[-1], str)]:
        with _changed(spec, path, GONE) as changed:
            _is_handled(changed)


def test_depth_without_end_is_refused() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    spec = describe(Agent(name="a"))
    spec["agents"]["a"]["model_settings"] = {"extra_body": deep}
    with pytest.raises(SpecNotBuildable, match="cannot be read: RecursionError"):
        build(spec)


REFERENCES = [
    "os:system",
    "posix:system",
    "builtins:eval",
    "builtins:exec",
    "subprocess:Popen",
    "subprocess:run",
    "pickle:loads",
    "importlib:import_module",
    "antigravity:geohash",
    "turtledemo.clock:main",
    "timestep.conf:secret_key",
    "timestep.services.cancel:cancel",
    "django.core.management:call_command",
    "agents:set_default_openai_key",
    "agents.tool:function_tool",
    "agents.repl:run_demo_loop",
    "agents.extensions.experimental.codex:codex_tool",
    "openai:OpenAI",
    "openai.lib._old_api:APIRemovedInV1",
    f"{HERE}:os.system",
    f"{HERE}:__builtins__",
    f"{HERE}:instruct.__globals__",
    f"{HERE}:Methods.instruct.__globals__",
    f"{HERE}:Methods.__init__.__globals__",
    f"{HERE}:Methods.__class__",
    f"{HERE}:look_up.on_invoke_tool",
    f"{HERE}:RunContextWrapper",
    f"{HERE}:sys_exit",
    f"{HERE}:run_command",
    f"{HERE}:PARTIAL",
    f"{HERE}:A_TEXT",
    f"{HERE}:",
    f"{HERE}: instruct",
    f"{HERE}:no_such",
    f"{HERE}",
    f"{HERE}.no_such:f",
    ":",
    "",
    "a b:c",
    "..:x",
    "." * 10_000 + ":x",
    "tests/engine/travel/parts:instruct",
    "__main__:main",
    "__main__:__file__",
]


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda reference: reference[:50] or "empty")
@pytest.mark.parametrize("place", ["instructions", "hooks", "tool_use_behavior", "output_type"])
def test_a_reference_leads_only_to_what_is_offered(reference: str, place: str) -> None:
    spec = describe(Agent(name="a", instructions=parts.instruct))
    code = {"ref": reference}
    spec["agents"]["a"][place] = {"type": code, "digest": None} if "type" in place else code
    with pytest.raises(SpecNotBuildable):
        build(spec)
    assert isinstance(missing_here(spec), str)
    assert not any(name in sys.modules for name in UNUSED)


KINDS: dict[str, tuple[tuple[Any, ...], str]] = {
    "a guardrail for a tool": (("tools", 0, "code", "ref"), "no_secrets"),
    "a function for a tool": (("tools", 0, "code", "ref"), "instruct"),
    "a class for a function": (("instructions", "ref"), "Money"),
    "a tool for a function": (("instructions", "ref"), "look_up"),
    "a function for hooks": (("hooks", "ref"), "instruct"),
    "hooks of runs for hooks of agents": (("hooks", "ref"), "RUN_AUDIT"),
    "a tool for a guardrail": (("input_guardrails", 0, "code", "ref"), "look_up"),
    "an output guardrail for an input guardrail": (
        ("input_guardrails", 0, "code", "ref"),
        "polite",
    ),
    "a function for a type": (("output_type", "type", "ref"), "instruct"),
}


@pytest.mark.parametrize("case", KINDS.values(), ids=KINDS)
def test_a_reference_leads_to_a_thing_of_its_kind(case: tuple[tuple[Any, ...], str]) -> None:
    path, name = case
    agent = Agent[Any](
        name="a",
        instructions=parts.instruct,
        tools=[parts.look_up],
        hooks=parts.AUDIT,
        input_guardrails=[parts.no_secrets],
        output_type=parts.Report,
    )
    spec = describe(agent)
    says = r"which is no \w+|neither a text nor a function"
    changing = _changed(spec, ("agents", "a", *path), f"{HERE}:{name}")
    with changing as changed, pytest.raises(SpecNotBuildable, match=says):
        build(changed)


def test_secrets_go_to_no_server_that_nobody_here_named(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, forget: Callable[[], None]
) -> None:
    monkeypatch.setenv("TOKEN_OF_TESTS", "hush-hush-hush")
    config: Any = {"type": "mcp", "server_label": "x", "server_url": "https://evil.example/a"}
    config["authorization"] = "hush-hush-hush"
    spec = describe(Agent(name="a", tools=[HostedMCPTool(config)]))
    assert build(spec).tools[0].tool_config == config  # type: ignore[union-attr]
    forget()
    assert "send a secret of this process to https://evil.example/a" in missing_here(spec)
    with pytest.raises(SpecNotBuildable, match=r"agent 'a'\.tools\[0\] would send .*TIMESTEP_MCP"):
        build(spec)
    settings.TIMESTEP_MCP = ["https://evil.example"]
    assert missing_here(spec) == ""
    assert build(spec).tools[0].tool_config == config  # type: ignore[union-attr]
