"""A model's whole response: read, and told again as a stream."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from agents import ModelResponse
from agents.items import TResponseStreamEvent
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseReasoningItem,
    ResponseUsage,
)
from pydantic import TypeAdapter

from timestep.engine.usage import response_usage
from timestep.storable import EVENT_TEXT_LIMIT

_RESPONSE_ITEM = TypeAdapter(Any)
_COUNTS = (
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "input_tokens_details",
    "output_tokens_details",
)
# Items that are no work of the provider's own tools.
_OWN_ITEMS = (ResponseFunctionToolCall, ResponseOutputMessage, ResponseReasoningItem)


def as_stream(model: str, response: ModelResponse) -> Iterator[TResponseStreamEvent]:
    """The events of a stream that ends with this response."""
    for number, item in enumerate(response.output):
        yield ResponseOutputItemDoneEvent(
            item=item, output_index=number, sequence_number=number, type="response.output_item.done"
        )
    usage = response.usage
    counts: dict[str, Any] = {name: getattr(usage, name) for name in _COUNTS}
    whole = Response.model_construct(
        id=response.response_id or "",
        created_at=0,
        model=model,
        object="response",
        output=response.output,
        parallel_tool_calls=True,
        status="completed",
        tool_choice="auto",
        tools=[],
        usage=ResponseUsage.model_construct(**counts),
    )
    number = len(response.output)
    yield ResponseCompletedEvent(response=whole, sequence_number=number, type="response.completed")


def delta_of(event: TResponseStreamEvent) -> str | None:
    """The piece of text that an event adds to an item, whatever it is of; else None."""
    delta = getattr(event, "delta", None)
    return delta if isinstance(delta, str) else None


def model_response(response: Response, items: list[Any]) -> ModelResponse:
    """The SDK's form of a response, with the items that its stream gave."""
    # Some backends leave the output of the last event empty and give the items one by one.
    output = list(response.output) or items
    return ModelResponse(
        output=output, usage=response_usage(response.usage), response_id=response.id
    )


def function_calls(response: ModelResponse) -> list[ResponseFunctionToolCall]:
    """The function calls of a response, in the model's order."""
    return [item for item in response.output if isinstance(item, ResponseFunctionToolCall)]


def hosted_calls(response: ModelResponse, others: Collection[str] = ()) -> list[dict[str, str]]:
    """What the provider did by itself for a response: its own tools, and servers it asked.

    Args:
        response: The response.
        others: Ids of calls in it that are made by this process.
    """
    items = [
        item
        for item in response.output
        if not isinstance(item, _OWN_ITEMS) and getattr(item, "call_id", None) not in others
    ]
    return [_hosted_as_json(_RESPONSE_ITEM.dump_python(item, mode="json")) for item in items]


def _hosted_as_json(item: dict[str, Any]) -> dict[str, str]:
    facts = {key: value for key, value in item.items() if value is not None}
    kind, status = str(facts.pop("type", "")), str(facts.pop("status", ""))
    name = str(facts.get("name") or kind.removesuffix("_call"))
    if kind == "image_generation_call" and "result" in facts:
        facts["result"] = f"an image of {len(str(facts['result']))} characters"
    details = json.dumps(facts, ensure_ascii=False)[:EVENT_TEXT_LIMIT]
    return {"type": kind, "name": name, "status": status, "details": details}


def response_text(response: ModelResponse) -> str:
    """What the model said, without its calls."""
    return "".join(message_texts(response))


def message_texts(response: ModelResponse) -> list[str]:
    """What the model said, by its messages."""
    messages = [item for item in response.output if isinstance(item, ResponseOutputMessage)]
    return [
        "".join(part.text for part in message.content if isinstance(part, ResponseOutputText))
        for message in messages
    ]
