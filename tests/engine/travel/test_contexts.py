"""Context objects travel as values, dataclasses and pydantic models."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from agents import Agent
from pydantic import SecretStr
from pytest_django.fixtures import Settings

from tests.engine.travel import parts
from timestep.digests import canonical_json
from timestep.engine.travel import (
    CannotTravel,
    build,
    build_value,
    describe,
    describe_value,
    missing_here,
)
from timestep.errors import SpecNotBuildable

HERE = "tests.engine.travel.parts"

VALUES: list[Any] = [
    None,
    True,
    3,
    -1.5,
    "text ü",
    [],
    {},
    {"ref": "os:system", "dict": {"env": "PATH", "scheme": ""}, "object": 3},
    (1, (2, [3])),
    timedelta(seconds=3),
    Path("some/where"),
    parts.Size.LARGE,
    parts.Money(3, "USD"),
    parts.Report(title="x", lines=["y"]),
    parts.Page(report=parts.Report(title="x")),
    parts.Box[int](content=3),
    parts.Order(7, [parts.Money(1)], {"a": parts.Report(title="x")}, parts.Size.SMALL),
    parts.Report,
    parts.instruct,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value).partition(" at 0x")[0][:40])
def test_values_travel(value: Any) -> None:
    described = json.loads(json.dumps(describe_value(value, "context")))
    built = build_value(described)
    assert built == value
    assert type(built) is type(value)


def _local() -> Any:
    @dataclass
    class Local:
        x: int = 1

    return Local()


def _deep(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


@pytest.mark.parametrize(
    ("value", "path", "says"),
    [
        (object(), "context", "is a live object object"),
        ({"a": [1, {2}]}, "context['a'][1]", "is a live set object"),
        ({1: 2}, "context", "has keys that are no texts"),
        (float("inf"), "context", "is inf"),
        ("\x00", "context", "has a character that no database stores"),
        (_local(), "context", "is made inside of a function"),
        (parts.Order(7, [], {}, lambda: None), "context.size", "is a lambda"),
        (parts.Hidden(key=SecretStr("x")), "context", "is not the same after being written"),
        (b"x", "context", "is a live bytes object"),
        pytest.param({"deep": _deep(3_000)}, "context", "is nested too deeply", id="deep"),
    ],
)
def test_what_cannot_travel_is_named(value: Any, path: str, says: str) -> None:
    with pytest.raises(CannotTravel) as raised:
        describe_value(value, "context")
    assert (raised.value.path, len(raised.value.problems)) == (path, 1)
    assert says in raised.value.what


def test_classes_come_from_allowed_modules_alone(
    forget: Callable[[], None], settings: Settings
) -> None:
    described = describe_value(parts.Money(3), "context")
    forget()
    with pytest.raises(SpecNotBuildable, match=f"the context names code in {HERE}"):
        build_value(described)
    settings.TIMESTEP_CODE = [HERE]
    assert build_value(described) == parts.Money(3)


@pytest.mark.parametrize(
    "value",
    [
        {"object": {"ref": f"{HERE}:Money"}, "fields": {"no_such": 1}},
        {"object": {"ref": f"{HERE}:Money"}},
        {"object": {"ref": f"{HERE}:instruct"}, "fields": {}},
        {"object": {"ref": f"{HERE}:Methods"}, "fields": {}},
        {"object": {"ref": f"{HERE}:Report"}, "json": {"title": 3}},
        {"object": {"ref": "subprocess:Popen"}, "fields": {"args": "true"}},
        {"enum": {"ref": f"{HERE}:Size"}, "name": "HUGE"},
        {"enum": {"ref": f"{HERE}:Money"}, "name": "HUGE"},
        {"tuple": 3},
        {"seconds": "x"},
        {"seconds": 1e300},
        {"path": 3},
        {"no": "tag"},
        {},
    ],
    ids=repr,
)
def test_hostile_values_are_refused(value: Any, settings: Settings) -> None:
    settings.TIMESTEP_CODE = [HERE]
    with pytest.raises(SpecNotBuildable):
        build_value({"value": value, "script": None})


@pytest.mark.parametrize("described", [None, [], {}, {"value": 1}, {"value": 1, "script": "/x.py"}])
def test_what_is_no_description_is_refused(described: Any) -> None:
    with pytest.raises(SpecNotBuildable):
        build_value(described)


def test_a_spec_needs_the_classes_of_the_context_too(
    forget: Callable[[], None], settings: Settings
) -> None:
    agent = Agent[Any](name="a")
    context = describe_value({"x": [parts.Money(1), parts.Money(2)]}, "context")
    spec = describe(agent, context=context)
    assert spec["context"] == [{"ref": f"{HERE}:Money"}]
    assert spec["needs"]["modules"] == [HERE]
    forget()
    assert f"names code in {HERE}" in missing_here(spec)
    settings.TIMESTEP_CODE = [HERE]
    assert missing_here(spec) == ""
    assert build(spec).name == "a"


def test_a_context_without_classes_changes_no_spec() -> None:
    agent = Agent[Any](name="a")
    plain = describe_value({"ref": "x:y", "n": (1, 2)}, "context")
    assert canonical_json(describe(agent, context=plain)) == canonical_json(describe(agent))
