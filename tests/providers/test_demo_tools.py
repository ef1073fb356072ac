from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from agents import FunctionTool
from agents.tool_context import ToolContext

from timestep.demo import DEMO_AGENTS, tools
from timestep.providers import split_model_name
from timestep.tools import options_of


async def call(tool: FunctionTool, **arguments: str) -> str:
    context = ToolContext[Any](
        context=None, tool_name=tool.name, tool_call_id="c1", tool_arguments=json.dumps(arguments)
    )
    output: str = await tool.on_invoke_tool(context, json.dumps(arguments))
    return output


async def test_a_receipt_is_the_same_for_the_same_refund() -> None:
    refund = {"order_id": "4711", "amount": "25", "currency": "eur", "reason": "broken"}
    first, again = [json.loads(await call(tools.refund_order, **refund)) for _ in range(2)]
    assert first == again
    assert (first["amount"], first["currency"], first["demo_data"]) == ("25.00", "EUR", True)


@pytest.mark.parametrize("amount", ["-1", "0", "NaN", "1e99", "a lot"])
async def test_odd_amounts_are_refused(amount: str) -> None:
    output = await call(tools.refund_order, order_id="1", amount=amount, currency="EUR", reason="x")
    assert "amount" in output
    assert "receipt" not in output


async def test_money_is_converted_at_fixed_rates() -> None:
    given = {"amount": "100", "from_currency": "USD", "to_currency": "eur"}
    assert json.loads(await call(tools.convert_currency, **given))["result"] == "90.00 EUR"
    assert "known currencies" in await call(tools.convert_currency, **{**given, "to_currency": "X"})


async def test_unknown_orders_and_customers_are_said_to_be_unknown() -> None:
    assert json.loads(await call(tools.lookup_order, order_id="1"))["found"] is False
    assert json.loads(await call(tools.find_customer, email="no@example.com"))["found"] is False


def test_the_demo_agents_fit_together() -> None:
    slugs = {agent["slug"] for agent in DEMO_AGENTS}
    assert slugs == {"concierge", "support-desk", "refunds"}
    for agent in DEMO_AGENTS:
        assert set(agent["handoffs"]) <= slugs
        assert split_model_name(agent["model"])[0].offline
        assert all(isinstance(getattr(tools, name), FunctionTool) for name in agent["tools"])


def test_web_processes_can_read_the_demo_without_the_sdk() -> None:
    names = "sys, timestep.demo, timestep.tools, timestep.providers"
    script = f"import {names}; print('agents' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("order", "amount", "said"),
    [
        ("4711", "25", "Refund 25.00 EUR to Ada Palmer for order 4711"),
        ("1", "0.5", "Refund 0.50 EUR for order 1"),
    ],
)
def test_people_decide_on_an_amount_with_its_units(order: str, amount: str, said: str) -> None:
    preview = options_of(tools.refund_order).preview
    assert preview is not None
    assert preview({"order_id": order, "amount": amount, "currency": "eur"}) == said
