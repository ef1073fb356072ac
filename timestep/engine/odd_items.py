"""Items of a saved state that the SDK writes and does not read again.

A server may send a message without annotations, with a part of a kind of its own, reasoning without
a summary, or an item that the SDK takes for a message because it knows no better. A run goes on
with such an item; a state that holds one would be lost. So while the SDK reads the state, an empty
one stands for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from agents import RunState
from openai.types.responses import ResponseOutputMessage, ResponseReasoningItem
from pydantic import ValidationError

from timestep.engine.model_responses import made_item

_ITEMS = ("message_output_item", "reasoning_item")
_KINDS = (ResponseOutputMessage, ResponseReasoningItem)
_LISTS = ("generated_items", "session_items")


class OddItems:
    """The items that were set aside of a state, by the ids of the messages that stand for them."""

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}

    def set_aside(self, raw: dict[str, Any]) -> dict[str, Any]:
        """A saved state as the SDK reads it; the one that is given stays as it is."""
        made = dict(raw)
        for name in _LISTS:
            if isinstance(raw.get(name), list):
                made[name] = [self._item(item) for item in raw[name]]
        processed = raw.get("last_processed_response")
        if isinstance(processed, dict) and isinstance(processed.get("new_items"), list):
            fresh = [self._item(item) for item in processed["new_items"]]
            made["last_processed_response"] = {**processed, "new_items": fresh}
        responses = raw.get("model_responses")
        if isinstance(responses, list):
            made["model_responses"] = [self._response(one) for one in responses]
        return made

    def put_back(self, state: RunState[Any, Any]) -> None:
        """Let the state have the items themselves again."""
        if not self._kept:
            return
        for item in _items(state):
            if isinstance(kept := self._of(getattr(item, "raw_item", None)), dict):
                item.raw_item = made_item(kept)
        for response in state._model_responses:
            for number, item in enumerate(response.output):
                if isinstance(kept := self._of(item), dict):
                    response.output[number] = made_item(kept)

    def _item(self, item: Any) -> Any:
        if not isinstance(item, dict) or item.get("type") not in _ITEMS:
            return item
        return {**item, "raw_item": self._stand_in(item.get("raw_item"))}

    def _response(self, response: Any) -> Any:
        if not isinstance(response, dict) or not isinstance(response.get("output"), list):
            return response
        return {**response, "output": [self._stand_in(item) for item in response["output"]]}

    def _stand_in(self, raw_item: Any) -> Any:
        if not isinstance(raw_item, dict) or not _is_odd(raw_item):
            return raw_item
        # The same for the same item, which the SDK finds again in several places.
        digest = sha256(json.dumps(raw_item, sort_keys=True, default=str).encode()).hexdigest()
        self._kept[digest] = raw_item
        if raw_item.get("type") == "reasoning":
            return {"id": digest, "type": "reasoning", "summary": []}
        message = {"type": "message", "role": "assistant", "status": "completed", "content": []}
        return {"id": digest, **message}

    def _of(self, item: Any) -> Any:
        return self._kept.get(str(item.id)) if isinstance(item, _KINDS) else None


def _is_odd(raw_item: dict[str, Any]) -> bool:
    if raw_item.get("role") == "assistant" and isinstance(raw_item.get("content"), str):
        return False  # An older form, which the SDK reads.
    made = made_item(raw_item)
    if not isinstance(made, _KINDS):
        return False
    try:
        type(made)(**raw_item)
    except (ValidationError, TypeError):
        return True
    return False


def _items(state: RunState[Any, Any]) -> Iterator[Any]:
    processed = state._last_processed_response
    yield from state._generated_items
    yield from state._session_items
    yield from [] if processed is None else processed.new_items
