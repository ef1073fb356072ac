"""Tools as the engine wraps them, where no run is under way; and their outputs as JSON."""

from __future__ import annotations

import json
from collections import OrderedDict, defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from agents import FunctionTool, ToolOutputText, function_tool
from agents.tool_context import ToolContext

from timestep.engine.durable_approval import NeedsApproval
from timestep.engine.durable_tools import (
    as_json,
    durable_tool,
    is_nested,
    output_text,
    tools_by_name,
)


class Receipt:
    """What no JSON has a form for."""

    def __str__(self) -> str:
        return "receipt R-1 \x00"


@pytest.mark.parametrize(
    "output",
    ["", "text", 0, 1.5, True, None, [1, [None]], {"a": {"b": ["c"]}}, "🙂", [], {}],
    ids=repr,
)
def test_what_json_keeps_stays_as_it_is(output: Any) -> None:
    kept = as_json(output)
    assert (kept, type(kept)) == (output, type(output))


@pytest.mark.parametrize(
    "output",
    [(1, 2), {1: "a"}, {"a": (1,)}, date(2026, 1, 2), Decimal("1.50"), {1, 2}, float("nan"), b"x"],
    ids=repr,
)
def test_what_json_would_change_becomes_the_text_that_the_model_sees(output: Any) -> None:
    assert as_json(output) == str(output)


@pytest.mark.parametrize("levels", [201, 600, 5_000, 100_000])
def test_an_output_that_is_too_deep_becomes_a_text(levels: int) -> None:
    output: Any = "x"
    for _ in range(levels):
        output = [output]
    assert isinstance(as_json(output), str)
    assert isinstance(as_json({"a": output}), str)


def test_a_number_that_has_no_text_is_told_as_such() -> None:
    assert "has no text" in as_json(10**5_000)
    assert as_json(float("inf")) == "inf"


def test_an_object_becomes_its_text_made_fit() -> None:
    assert as_json(Receipt()) == "receipt R-1 \ufffd"
    assert as_json({"a": ["\x00"]}) == {"a": ["\ufffd"]}


@pytest.mark.parametrize("output", [OrderedDict(a=1), defaultdict(int, a=1)], ids=repr)
def test_a_dict_of_another_kind_is_one_dict_before_and_after_its_checkpoint(output: Any) -> None:
    kept = as_json(output)
    assert str(json.loads(json.dumps(kept))) == str(kept)


def test_the_sdks_own_output_types_are_kept_as_they_are_dumped() -> None:
    text = ToolOutputText(text="hi\x00")
    assert as_json(text) == {"type": "text", "text": "hi\ufffd"}
    assert as_json([text, "plain", (1,)]) == [as_json(text), "plain", "(1,)"]


@pytest.mark.parametrize(
    ("output", "shown"),
    [("plain\n", "plain\n"), ({"ä": [1]}, '{"ä": [1]}'), (None, "null"), (3, "3")],
)
def test_an_output_is_shown_as_text(output: Any, shown: str) -> None:
    assert output_text(output) == shown


@function_tool(needs_approval=True, timeout=3.0)
async def refund(amount: int) -> str:
    """Pay back."""
    return f"paid {amount}"


def _context(arguments: str = "{}") -> ToolContext[Any]:
    return ToolContext(None, tool_name="refund", tool_call_id="c1", tool_arguments=arguments)


def _durable(**options: Any) -> FunctionTool:
    values = {"agent": "desk", "needs_approval": None, "idempotent": False, **options}
    return durable_tool(refund, **values)


def test_the_tool_itself_is_not_changed() -> None:
    durable = _durable(needs_approval=False)
    assert durable is not refund
    assert (refund.needs_approval, refund.timeout_seconds) == (True, 3.0)
    assert durable.timeout_seconds is None
    assert (durable.name, durable.params_json_schema) == (refund.name, refund.params_json_schema)


@pytest.mark.parametrize(
    ("override", "asks"), [(None, True), (False, False), (True, True)], ids=repr
)
async def test_outside_a_run_the_flag_alone_says_whether_a_call_asks(
    override: bool | None, asks: bool
) -> None:
    needs = _durable(needs_approval=override).needs_approval
    assert isinstance(needs, NeedsApproval)
    assert await needs(_context(), {}, "c1") is asks


async def test_a_tools_own_function_is_asked_for_each_call() -> None:
    async def above_ten(_: Any, arguments: dict[str, Any], __: str) -> bool:
        return bool(arguments["amount"] > 10)

    needs = NeedsApproval(above_ten)
    assert needs.asks is False
    assert [await needs(_context(), {"amount": n}, "c1") for n in (5, 50)] == [False, True]


async def test_outside_a_run_a_durable_tool_is_simply_called() -> None:
    arguments = '{"amount": 5}'
    assert await _durable().on_invoke_tool(_context(arguments), arguments) == "paid 5"


def test_tools_are_found_by_name() -> None:
    durable = _durable()
    assert tools_by_name([durable]) == {"refund": durable}
    assert not is_nested(durable)
    assert not is_nested(None)
