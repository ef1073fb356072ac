"""What a program may hand over, checked before anything is written; errors name the arguments."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from timestep.errors import InvalidInput
from timestep.library.orders import Order

# What the arguments are called, where the services call the same thing otherwise.
_ARGUMENTS = {
    "run_id": "workflow_id",
    "dedup_id": "deduplication_id",
    "queue": "queue_name",
    "input": "input_items",
}
MAX_DELAY_SECONDS = 366 * 24 * 3600.0


@contextmanager
def named_as_arguments() -> Iterator[None]:
    """Let what a service refuses bear the name that the program knows."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(_ARGUMENTS.get(error.field, error.field), error.message) from None


def check_order(order: Order) -> None:
    """Refuse what no service sees, or sees too late. Raises InvalidInput."""
    check_agent(order.agent)
    if order.result_processor is not None and not callable(order.result_processor):
        raise InvalidInput("result_processor", "give a function that takes the result")
    if order.workflow_id is not None:
        check_text("workflow_id", order.workflow_id)
    if order.on_duplicate not in ("raise", "return_existing"):
        raise InvalidInput("on_duplicate", "use 'raise' or 'return_existing'")
    delay = order.delay_seconds
    if delay is not None and not (is_number(delay) and 0 <= delay <= MAX_DELAY_SECONDS):
        raise InvalidInput("delay_seconds", "use a number of seconds from 0, at most a year")


def check_agent(agent: Any) -> None:
    """Refuse what is no agent of the SDK. Raises InvalidInput."""
    from agents import Agent  # noqa: PLC0415 - slow; whoever has an agent has paid for it

    if not isinstance(agent, Agent):
        raise InvalidInput("agent", f"give an agents.Agent, not {type(agent).__name__}")


def check_flag(field: str, value: Any) -> None:
    """Refuse what is neither True nor False. Raises InvalidInput."""
    if not isinstance(value, bool):
        raise InvalidInput(field, f"use True or False, not {type(value).__name__}")


def check_text(field: str, value: Any) -> None:
    """Refuse what is no text, or an empty one. Raises InvalidInput."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(field, f"give a text that is not empty, not {value!r:.40}")


def is_number(value: Any) -> bool:
    """Whether it is a finite number, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
