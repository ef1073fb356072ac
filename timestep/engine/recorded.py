"""A model's response as it is recorded: what no database stores, and no program reads, is gone.

Done once, before anything looks at the response: so the run, its replay, its resumption, what
people are asked, and the next request to the model all have the same.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from agents import ModelResponse
from openai._models import construct_type
from pydantic import BaseModel

from timestep.engine.model_responses import as_record, from_record
from timestep.storable import DEEP, MAX_NESTING, is_deep, storable, storable_json

# An answer can be megabytes, which must not hold up the loop. Threads of their own: tools that
# are not async may have all of the loop's.
_READERS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="timestep-responses")
# Of arguments that are nested too deeply: enough to see what they were.
_KEPT_CHARACTERS = 100


@dataclass(frozen=True)
class Recorded:
    """A response, and the JSON that it is read back from."""

    response: ModelResponse
    dumped: dict[str, Any]


async def recorded(response: ModelResponse, *, structured: bool) -> Recorded:
    """The response as it is kept.

    Args:
        response: As the provider gave it.
        structured: Whether its messages are read as JSON.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_READERS, _recorded, response, structured)


def _recorded(response: ModelResponse, structured: bool) -> Recorded:
    try:
        before = as_record(response)
    except (ValueError, RecursionError):  # An item is deeper than pydantic writes.
        response = replace(response, output=[_flattened(item) for item in response.output])
        before = as_record(response)
    after = storable(before)
    for item in after["output"]:
        _make_readable(item, structured=structured)
    return Recorded(response if after == before else from_record(after), after)


def _make_readable(item: dict[str, Any], *, structured: bool) -> None:
    arguments = item.get("arguments")
    if isinstance(arguments, str):
        item["arguments"] = _readable(arguments)
    if structured and item.get("type") == "message":
        for part in item["content"]:
            if isinstance(part.get("text"), str):
                part["text"] = storable_json(part["text"])


def _readable(arguments: str) -> str:
    """The arguments; where they are nested too deeply, a text that nobody takes for JSON."""
    try:
        deep = is_deep(json.loads(arguments))
    except RecursionError:
        deep = True
    except ValueError:
        deep = False
    if deep:
        # The SDK compares calls by what it reads of their arguments, and fails on these.
        return f"{storable_json(arguments[:_KEPT_CHARACTERS])}… {DEEP}"
    return storable_json(arguments)


def _flattened(item: Any) -> Any:
    """An item without what is too deep in it."""
    return construct_type(value=storable(_plain(item)), type_=type(item))


def _plain(value: Any, left: int = 0) -> Any:
    """An item as JSON, read no deeper than `storable` keeps it."""
    if isinstance(value, BaseModel):
        value = {name: part for name, part in value if part is not None}
    if not isinstance(value, dict | list):
        return value
    if left > MAX_NESTING:
        return DEEP
    if isinstance(value, dict):
        return {name: _plain(part, left + 1) for name, part in value.items()}
    return [_plain(part, left + 1) for part in value]
