"""A tool for the campaign of zombies, and the moments at which it has its worker stop itself.

Named in TIMESTEP_TOOLS, so that a worker imports it before it executes anything. What a run's
input names is done once, by whichever worker comes there first: it notes that it stops, and stops
(SIGSTOP). Nothing of the product knows of it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from agents import function_tool
from agents.tool_context import ToolContext

from tests.campaign.journal import note
from tests.campaign.tools import expected, once_only
from timestep.engine import claims, durable_model, tool_starts
from timestep.models import Run
from timestep.tools import tool_options

FROZEN = "frozen"
# After "started" is committed; inside transactions that hold the run's row; before a model call;
# after "started", with the process on its way to the call while the signal is on its way to it.
MOMENTS = ("started", "claiming", "ending", "model", "racing")
_STOPS_WITHIN_S = 0.1


def moment_of(run_id: str) -> str:
    """At which of the moments a run's worker stops itself; it is in its id."""
    return run_id.rpartition(".")[2]


def _stop(run_id: str, *moments: str) -> None:
    moment = moment_of(run_id)
    if moment in moments and once_only(f"{run_id}-stop"):
        note(run_id, moment, FROZEN)
        os.kill(os.getpid(), signal.SIGSTOP)
        if moment != "racing":
            # Whichever thread takes the signal, this one goes on until the kernel stops them all.
            time.sleep(_STOPS_WITHIN_S)


def _stopping_after(
    function: Callable[..., Any], moments: Sequence[str], which: Callable[..., str]
) -> Any:
    def called(*args: Any, **kwargs: Any) -> Any:
        value = function(*args, **kwargs)
        _stop(which(*args, **kwargs), *moments)
        return value

    return called


def _run_of(run: Run, *_rest: Any) -> str:
    return run.run_id


def _first(run_id: str, *_rest: Any) -> str:
    return run_id


async def _take_turn(caller: Any, *rest: Any) -> Any:
    turn = await _plain_turn(caller, *rest)
    _stop(caller.execution.run_id, "model")
    return turn


_plain_turn: Any = vars(durable_model)["take_turn"]
_modules: list[tuple[Any, str, Any]] = [
    (tool_starts, "record", _stopping_after(tool_starts.record, ("started", "racing"), _first)),
    (claims, "_take", _stopping_after(claims._take, ("claiming",), _run_of)),
    (claims, "_held", _stopping_after(claims._held, ("ending",), _first)),
    (durable_model, "take_turn", _take_turn),
]
for _module, _name, _function in _modules:
    setattr(_module, _name, _function)


@tool_options(idempotent=False)
@function_tool
async def transfer(context: ToolContext[Any], tag: str, seconds: float) -> str:
    """Transfer money; must not be repeated."""
    note(context.tool_call_id, "transfer", "start")
    await asyncio.sleep(seconds)
    note(context.tool_call_id, "transfer", "end")
    return expected("transfer", tag, context.tool_call_id)
