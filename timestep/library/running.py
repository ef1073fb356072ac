"""Running what a program orders in its own process."""

from __future__ import annotations

from typing import Any

from timestep.library.beginning import begun, finished, processed
from timestep.library.checks import check_order
from timestep.library.orders import Order
from timestep.library.setup import launched
from timestep.library.streaming import streamed


async def run_here(order: Order) -> Any:
    """Run it to its end, or until it waits for decisions, and give its result."""
    program = launched()
    check_order(order)
    run = await begun(program, order)
    result = await finished(program, run.run_id, order.agent)
    return await processed(result, order.result_processor)


async def stream_here(order: Order) -> Any:
    """Begin it, and give a result that streams."""
    program = launched()
    check_order(order)
    return await processed(await streamed(program, order), order.result_processor)
