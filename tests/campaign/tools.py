"""Tools for the tests of the engine, imported by real workers: named in TIMESTEP_TOOLS.

Each notes its start and its end in the journal, and returns a text made of nothing but its name,
its tag and the id of the call: so a result that was given to another call shows.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agents import function_tool
from agents.tool_context import ToolContext

from tests.campaign.journal import VARIABLE, note
from timestep.tools import tool_options

Context = ToolContext[Any]


def expected(tool: str, tag: str, call_id: str) -> str:
    """What a tool returns for a call."""
    return f"{tool}:{tag}:{call_id}"


@contextmanager
def _noted(context: Context) -> Iterator[None]:
    note(context.tool_call_id, context.tool_name, "start")
    try:
        yield
    except BaseException:
        note(context.tool_call_id, context.tool_name, "stopped")
        raise
    note(context.tool_call_id, context.tool_name, "end")


def _result(context: Context, tag: str) -> str:
    return expected(context.tool_name, tag, context.tool_call_id)


def once_only(name: str) -> bool:
    """True for the first who asks with this name, in whatever process."""
    try:
        os.close(os.open(_beside(name), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def _beside(name: str) -> Path:
    return Path(os.environ[VARIABLE]).with_name(f"once-{name}")


@function_tool
async def fetch(context: Context, tag: str, seconds: float) -> str:
    """Fetch something; may be repeated."""
    with _noted(context):
        await asyncio.sleep(seconds)
    return _result(context, tag)


@function_tool
def fetch_blocking(context: Context, tag: str, seconds: float) -> str:
    """Fetch something in a thread; may be repeated."""
    with _noted(context):
        time.sleep(seconds)
    return _result(context, tag)


@tool_options(idempotent=False)
@function_tool
async def charge(context: Context, tag: str, seconds: float) -> str:
    """Charge a card; must not be repeated."""
    with _noted(context):
        await asyncio.sleep(seconds)
    return _result(context, tag)


@function_tool(needs_approval=True)
async def pay(context: Context, tag: str, seconds: float) -> str:
    """Pay money; a person is asked, and it must not be repeated."""
    with _noted(context):
        await asyncio.sleep(seconds)
    return _result(context, tag)


@function_tool
async def linger(context: Context, tag: str) -> str:
    """Be in flight for as long as a test needs the first time, and quick after that."""
    # Before the note: whoever waits for that may kill the worker at once.
    seconds = 60 if once_only(context.tool_call_id) else 0
    with _noted(context):
        await asyncio.sleep(seconds)
    return _result(context, tag)


@tool_options(idempotent=False)
@function_tool
async def linger_charging(context: Context, tag: str) -> str:
    """The same, for a call that must not be repeated."""
    # Before the note: whoever waits for that may kill the worker at once.
    seconds = 60 if once_only(context.tool_call_id) else 0
    with _noted(context):
        await asyncio.sleep(seconds)
    return _result(context, tag)


@function_tool(failure_error_function=None)
async def fail_once(context: Context, tag: str) -> str:
    """Raise in the first call, and let nothing tell the model instead."""
    with _noted(context):
        if once_only(context.tool_call_id):
            raise ValueError(f"the first call of {tag} fails")
    return _result(context, tag)


@function_tool
async def fail_told(context: Context, tag: str) -> str:
    """Raise; the model is told."""
    with _noted(context):
        raise ValueError(f"no luck with {tag}")


@function_tool(failure_error_function=None)
async def fail_late(context: Context, tag: str) -> str:
    """Raise a timeout of its own, once."""
    with _noted(context):
        if once_only(context.tool_call_id):
            raise TimeoutError(f"the warehouse took too long for {tag}")
    return _result(context, tag)


@function_tool
async def hold_on(context: Context, tag: str, seconds: float) -> str:
    """Go on although it is cancelled."""
    with _noted(context):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                note(context.tool_call_id, context.tool_name, "refused")
    return _result(context, tag)


@function_tool
async def say_nasty(context: Context) -> str:
    """Return characters that databases refuse."""
    return "nul \x00, half a pair \ud800, whole \N{GRINNING FACE}"


@function_tool
async def say_much(context: Context, size: int) -> str:
    """Return a long text."""
    return "x" * size
