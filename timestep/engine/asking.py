"""What people are asked about the calls of an interrupted run, in the words of their tools."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from agents import Agent, FunctionTool, RunState, ToolApprovalItem
from agents.tool import ToolOriginType, get_function_tool_origin
from django.db import connections

from timestep.arguments import parse_arguments
from timestep.engine.execution import Scope
from timestep.engine.local_calls import arguments_of
from timestep.engine.model_responses import response_text
from timestep.engine.states import call_id_of
from timestep.gate import Interruption
from timestep.storable import storable, storable_text
from timestep.tools import Preview, options_of

logger = logging.getLogger(__name__)

PREVIEW_SECONDS = 2.0
MAX_PREVIEW = 1_000
MAX_TITLE = 200
MAX_SCHEMA = 64_000


async def as_interruptions(state: RunState[Any, Any], scope: Scope) -> list[Interruption]:
    """What waits in a state, as people are asked about it.

    Args:
        state: Of the interrupted run.
        scope: The run, which knows the tools that were called.
    """
    asked = (_as_interruption(state, item, scope) for item in state.get_interruptions())
    return list(await asyncio.gather(*asked))


async def _as_interruption(
    state: RunState[Any, Any], item: ToolApprovalItem, scope: Scope
) -> Interruption:
    tool = _tool_of(item, scope)
    arguments = arguments_of(item.raw_item) or item.arguments or "{}"
    return Interruption(
        call_id=call_id_of(item),
        agent=item.agent.name,
        tool=item.tool_name or "",
        arguments=arguments,
        said_before=_said_before(state, item),
        title=_title_of(tool),
        preview=await _preview_of(tool, arguments),
        schema=_schema_of(tool),
    )


def _said_before(state: RunState[Any, Any], item: ToolApprovalItem) -> str:
    """What the agent that makes the call said with it, be it a nested one."""
    nested = state._find_nested_approval_state(item)
    responses = (nested[0] if nested else state)._model_responses
    return response_text(responses[-1]) if responses else ""


def _tool_of(item: ToolApprovalItem, scope: Scope) -> FunctionTool | None:
    """The tool that is called; None where the provider has it."""
    name = item.tool_name or ""
    found = scope.called.get((item.agent.name, name))
    if found is not None or not isinstance(item.agent, Agent):
        return found
    # A call of an earlier segment, which still waits.
    known = (tool for tool in item.agent.tools if isinstance(tool, FunctionTool))
    return next((tool for tool in known if tool.name == name), None)


def _title_of(tool: FunctionTool | None) -> str:
    title = "" if tool is None else options_of(tool).title or tool._mcp_title or ""
    return storable_text(title)[:MAX_TITLE]


def _schema_of(tool: FunctionTool | None) -> dict[str, Any] | None:
    """The schema of the arguments, for people who edit them."""
    if tool is None:
        return None
    origin = get_function_tool_origin(tool)
    theirs = origin is not None and origin.type == ToolOriginType.MCP
    schema: dict[str, Any] = storable(tool.params_json_schema)
    if theirs:
        schema = _without_patterns(schema)
    return schema if len(json.dumps(schema)) <= MAX_SCHEMA else None


def _without_patterns(schema: Any) -> Any:
    """A schema without regular expressions: matching a server's could take for ever."""
    if isinstance(schema, list):
        return [_without_patterns(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_patterns(part)
        for key, part in schema.items()
        if not (key == "pattern" and isinstance(part, str)) and key != "patternProperties"
    }


async def _preview_of(tool: FunctionTool | None, arguments: str) -> str:
    """What the tool says of a call that waits; nothing where it fails to."""
    preview = None if tool is None else options_of(tool).preview
    value = parse_arguments(arguments)
    if preview is None or not isinstance(value, dict):
        return ""
    try:
        text = await asyncio.wait_for(_in_own_thread(preview, value), PREVIEW_SECONDS)
        return storable_text(text)[:MAX_PREVIEW]
    except Exception as error:  # noqa: BLE001 - an author's function; the card shows the fields
        name = tool.name if tool else ""
        logger.warning("the preview of tool %s failed: %s: %s", name, type(error).__name__, error)
        return ""


async def _in_own_thread(preview: Preview, arguments: dict[str, Any]) -> str:
    """Call an author's function in a thread that nothing waits for, should it never end."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[str] = loop.create_future()

    def settle(act: Callable[[], None]) -> None:
        if not done.done():
            act()

    def tell(act: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # The loop is closed: this comes after the process's end.
            loop.call_soon_threadsafe(settle, act)

    def body() -> None:
        try:
            text = preview(arguments)
            if not isinstance(text, str):
                raise TypeError(f"it returned {type(text).__name__}, not a text")
            tell(lambda: done.set_result(text))
        except Exception as raised:  # noqa: BLE001 - handed to whoever waits
            error = raised
            tell(lambda: done.set_exception(error))
        finally:
            connections.close_all()

    threading.Thread(target=body, name="timestep-preview", daemon=True).start()
    return await done
