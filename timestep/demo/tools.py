"""Tools of the demo agents. All data is made up, nothing leaves the process, no money moves.

Every tool takes a moment, so that a run page has something to show, and answers with JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from agents import function_tool

from timestep.tools import tool_options

_ORDERS: Mapping[str, dict[str, str]] = {
    "4711": {
        "customer": "Ada Palmer",
        "email": "ada@example.com",
        "item": "set of four coffee cups",
        "total": "49.90",
        "currency": "EUR",
        "status": "delivered",
    },
    "4712": {
        "customer": "Ben Okoro",
        "email": "ben@example.com",
        "item": "cast-iron teapot",
        "total": "74.50",
        "currency": "EUR",
        "status": "on its way",
    },
}

_CELSIUS: Mapping[str, tuple[int, str]] = {
    "lisbon": (24, "sunny"),
    "paris": (18, "cloudy"),
    "oslo": (9, "rain"),
    "tokyo": (21, "clear"),
}

_EUROS: Mapping[str, Decimal] = {
    "EUR": Decimal(1),
    "USD": Decimal("0.90"),
    "GBP": Decimal("1.15"),
    "JPY": Decimal("0.0060"),
    "CHF": Decimal("1.05"),
}

_KITCHENS: Mapping[str, list[str]] = {
    "fish": ["The Salt Barrel", "Harbour Table"],
    "italian": ["Casa Prova", "Trattoria Esempio"],
    "vegetarian": ["Green Sample", "Leaf and Stone"],
}


def _answer(**fields: Any) -> str:
    return json.dumps({**fields, "demo_data": True}, ensure_ascii=False)


def _refusal(_context: object, error: Exception) -> str:
    """What the model is told when a tool fails; the SDK's default keeps the reason to itself."""
    return f"Error: {error}"


def _pick(seed: str, count: int) -> int:
    """A number below `count` that depends on nothing but the seed."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big") % count


def _money(amount: str) -> Decimal:
    try:
        value = Decimal(amount)
    except InvalidOperation:
        raise ValueError(f"amount {amount!r} is not a decimal number such as 25.00") from None
    if not value.is_finite() or not 0 < value < 1_000_000:
        raise ValueError("amount must be above 0 and below 1,000,000")
    return value.quantize(Decimal("0.01"))


@tool_options(title="Look up an order")
@function_tool
async def lookup_order(order_id: str) -> str:
    """Look up an order of the shop: what was bought, by whom, and where it is.

    Args:
        order_id: Number of the order, for example 4711.
    """
    await asyncio.sleep(0.4)
    order = _ORDERS.get(order_id.strip("# "))
    if order is None:
        return _answer(order_id=order_id, found=False)
    return _answer(order_id=order_id, found=True, **order)


@tool_options(title="Find a customer")
@function_tool
async def find_customer(email: str) -> str:
    """Find a customer of the shop and their orders.

    Args:
        email: The customer's email address.
    """
    await asyncio.sleep(0.3)
    orders = [number for number, order in _ORDERS.items() if order["email"] == email.lower()]
    name = _ORDERS[orders[0]]["customer"] if orders else None
    return _answer(email=email, found=bool(orders), customer=name, orders=orders)


def _refund_preview(call: dict[str, Any]) -> str:
    """What people decide on; the amount always with its currency and its cents."""
    order = _ORDERS.get(str(call["order_id"]).strip("# "))
    to = f" to {order['customer']}" if order else ""
    paid = f"{_money(call['amount'])} {call['currency'].upper()}"
    return f"Refund {paid}{to} for order {call['order_id']}"


@tool_options(idempotent=False, title="Refund an order", preview=_refund_preview)
@function_tool(needs_approval=True, failure_error_function=_refusal)
async def refund_order(order_id: str, amount: str, currency: str, reason: str) -> str:
    """Pay money back for an order. A demo: a receipt is written, no money moves.

    Args:
        order_id: Number of the order, for example 4711.
        amount: Decimal amount, for example 25.00.
        currency: Three-letter code of the currency, for example EUR.
        reason: Why the money is paid back.
    """
    value = _money(amount)
    await asyncio.sleep(0.6)
    number = 100_000 + _pick(f"{order_id}|{value}|{currency}|{reason}", 900_000)
    paid = {"amount": str(value), "currency": currency.upper()}
    return _answer(receipt=f"R-{number}", order_id=order_id, status="refunded", **paid)


@tool_options(title="Weather")
@function_tool
async def get_weather(city: str) -> str:
    """Tell the weather in a city.

    Args:
        city: Name of the city, for example Lisbon.
    """
    await asyncio.sleep(0.4)
    made_up = (8 + _pick(city, 20), ("sunny", "cloudy", "rain")[_pick(city, 3)])
    celsius, sky = _CELSIUS.get(city.strip().lower(), made_up)
    return _answer(city=city, celsius=celsius, sky=sky)


@tool_options(title="Convert money")
@function_tool(failure_error_function=_refusal)
async def convert_currency(amount: str, from_currency: str, to_currency: str) -> str:
    """Convert an amount of money from one currency to another, at fixed demo rates.

    Args:
        amount: Decimal amount, for example 100.00.
        from_currency: Three-letter code of the currency it is in.
        to_currency: Three-letter code of the currency it shall be in.
    """
    await asyncio.sleep(0.2)
    value, source, target = _money(amount), from_currency.upper(), to_currency.upper()
    if source not in _EUROS or target not in _EUROS:
        raise ValueError(f"known currencies are {', '.join(_EUROS)}")
    result = (value * _EUROS[source] / _EUROS[target]).quantize(Decimal("0.01"))
    given = f"{value} {source}"
    return _answer(given=given, result=f"{result} {target}")


@tool_options(title="Restaurants")
@function_tool
async def find_restaurants(city: str, cuisine: str) -> str:
    """Find restaurants in a city that serve a kind of food.

    Args:
        city: Name of the city.
        cuisine: Kind of food, for example fish, italian or vegetarian.
    """
    await asyncio.sleep(0.6)
    names = _KITCHENS.get(cuisine.strip().lower(), ["The Placeholder", "Corner Kitchen"])
    return _answer(city=city, cuisine=cuisine, restaurants=names)
