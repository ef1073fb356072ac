"""Code that changed behind a name since the spec was written: refused, with that reason."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, FunctionTool, InputGuardrail, function_tool

from tests.engine.travel import parts
from timestep.engine.travel import (
    build,
    describe,
    missing_here,
    register_agent,
    register_function,
    register_guardrail,
    register_tool,
    registered,
)
from timestep.errors import SpecNotBuildable


def _tool(**given: Any) -> FunctionTool:
    def pay(amount: int) -> str:
        return str(amount)

    made: FunctionTool = function_tool(pay, **given)
    return made


def _other_arguments() -> FunctionTool:
    def pay(amount: int, currency: str) -> str:
        return currency * amount

    made: FunctionTool = function_tool(pay)
    return made


CHANGES: dict[str, tuple[Any, str]] = {
    "other arguments": (_other_arguments, "arguments have changed since"),
    "another name": (lambda: _tool(name_override="paid"), "its name or its arguments"),
    "no approval": (_tool, "to ask for approval, as it did"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_tool_that_changed_is_refused(
    monkeypatch: pytest.MonkeyPatch, change: tuple[Any, str]
) -> None:
    changed, says = change
    monkeypatch.setattr(parts, "bound_by_name", _tool(needs_approval=True))
    spec = describe(Agent(name="a", tools=[parts.bound_by_name]))
    monkeypatch.setattr(parts, "bound_by_name", changed())
    assert missing_here(spec) == ""
    with pytest.raises(
        SpecNotBuildable, match=rf"agent 'a'\.tools\[0\] needs the tool 'pay'.*{says}"
    ):
        build(spec)


def test_what_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "bound_by_name", _tool())
    spec = describe(Agent(name="a", tools=[parts.bound_by_name]))
    changed = _tool(description_override="Pay it.", needs_approval=True)
    monkeypatch.setattr(parts, "bound_by_name", changed)
    assert build(spec).tools == [changed]


def test_a_function_whose_tool_was_made_in_place_is_pinned_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = describe(Agent(name="a", tools=[function_tool(parts.plain_tool)]))
    monkeypatch.setattr(parts, "plain_tool", parts.slow_tool)
    with pytest.raises(SpecNotBuildable, match="arguments have changed since"):
        build(spec)


def test_an_output_type_that_changed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = describe(Agent(name="a", output_type=list[parts.Report]))
    monkeypatch.setattr(parts, "Report", parts.Page)
    with pytest.raises(SpecNotBuildable, match=r"output_type has another schema than when"):
        build(spec)


def test_parameters_of_an_agents_tool_that_changed_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tool = Agent[Any](name="b").as_tool("ask", "d", parameters=parts.Money)
    spec = describe(Agent(name="a", tools=[tool]))
    monkeypatch.setattr(parts, "Money", parts.Report)
    with pytest.raises(SpecNotBuildable, match="has other parameters than when"):
        build(spec)


def _registered_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registered, "_by_name", {})
    monkeypatch.setattr(registered, "_by_identity", {})


REGISTERED: dict[str, tuple[Any, str, Any, Any]] = {
    "tool": (register_tool, "tools", _tool, _other_arguments),
    "guardrail": (
        register_guardrail,
        "input_guardrails",
        lambda: InputGuardrail(parts.plain_check),
        lambda: InputGuardrail(parts.instruct),  # type: ignore[arg-type]
    ),
    "function": (
        register_function,
        "instructions",
        lambda: lambda context, agent: "x",
        lambda: lambda context, agent, more: "x",
    ),
    "agent": (
        register_agent,
        "handoffs",
        lambda: Agent[Any](name="b"),
        lambda: Agent[Any](name="b", tools=[parts.refund]),
    ),
}


@pytest.mark.parametrize("kind", REGISTERED)
def test_what_is_registered_under_the_name_must_be_the_same(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    register, field, make, change = REGISTERED[kind]
    made = register(make(), "named")
    given: Any = {field: made if field == "instructions" else [made]}
    spec = describe(Agent(name="a", **given))
    _registered_anew(monkeypatch)
    again = register(make(), "named")
    assert getattr(build(spec), field) in (again, [again])
    _registered_anew(monkeypatch)
    register(change(), "named")
    assert missing_here(spec) == ""
    with pytest.raises(SpecNotBuildable, match="another is registered by now"):
        build(spec)
