"""A model's whole response: read, and told again as a stream."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any, TypeGuard

from agents import ModelResponse
from agents.items import TResponseOutputItem, TResponseStreamEvent
from openai._models import construct_type
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputItem,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseReasoningItem,
    ResponseUsage,
)
from pydantic import TypeAdapter, ValidationError

from timestep.engine.usage import response_usage
from timestep.storable import EVENT_TEXT_LIMIT

_RESPONSE_ITEM = TypeAdapter(Any)
_RESPONSE = TypeAdapter(ModelResponse)
_ITEM: TypeAdapter[Any] = TypeAdapter(TResponseOutputItem)
# Of what an item calls itself, for people.
_MAX_KIND = 100
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


def as_record(response: ModelResponse) -> dict[str, Any]:
    """A response as JSON that `from_record` reads; what the SDK does not know stays whole."""
    record: dict[str, Any] = _RESPONSE.dump_python(
        response, mode="json", exclude_none=True, warnings=False
    )
    for number, item in enumerate(response.output):
        if is_unknown(item):
            record["output"][number] = _whole(item)
    return {"response_id": None} | record


def from_record(record: dict[str, Any]) -> ModelResponse:
    """The response that was recorded, whatever items are in it.

    What the SDK does not know is made as its client makes it from what a server sends.
    """
    record = {"response_id": None} | record  # Servers leave it out, and so did our records.
    try:
        return _RESPONSE.validate_python(record)
    except ValidationError:
        response = _RESPONSE.validate_python({**record, "output": []})
    response.output = _ordered([made_item(one) for one in record["output"]])
    return response


def made_item(item: Any) -> Any:
    """An output item of its record, of whatever kind it is."""
    try:
        return _ITEM.validate_python(item)
    except ValidationError:
        made: Any = construct_type(value=item, type_=ResponseOutputItem)
    if isinstance(made, ResponseOutputMessage) and not isinstance(
        made.__dict__.get("content"), list | str
    ):
        # The SDK goes through the content of whatever came last, and would end the run.
        made.__dict__["content"] = []
    return made


def _ordered(items: list[Any]) -> list[Any]:
    """Items without words before the last message: the SDK takes the last for the answer."""
    said = [n for n, item in enumerate(items) if _is_message(item)]
    after = said[-1] if said else len(items)
    mute = [item for item in items[after:] if is_unknown(item) and not item.content]
    rest = [item for item in items[after:] if not any(item is one for one in mute)]
    return [*items[:after], *mute, *rest]


def is_unknown(item: Any) -> bool:
    """Whether an item is of a kind that the SDK does not know: it takes such for messages."""
    return isinstance(item, ResponseOutputMessage) and not _is_message(item)


def _is_message(item: Any) -> TypeGuard[ResponseOutputMessage]:
    return isinstance(item, ResponseOutputMessage) and item.type == "message"


def _whole(item: Any) -> dict[str, Any]:
    whole: dict[str, Any] = item.model_dump(mode="json", exclude_unset=True, warnings=False)
    return whole


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
        if is_unknown(item)
        or (not isinstance(item, _OWN_ITEMS) and getattr(item, "call_id", None) not in others)
    ]
    return [_hosted_as_json(item) for item in items]


def _hosted_as_json(item: Any) -> dict[str, str]:
    unknown = is_unknown(item)
    whole = _whole(item) if unknown else _RESPONSE_ITEM.dump_python(item, mode="json")
    facts = {key: value for key, value in whole.items() if value is not None}
    kind, status = (str(facts.pop(key, ""))[:_MAX_KIND] for key in ("type", "status"))
    name = str(facts.get("name") or kind.removesuffix("_call"))[:_MAX_KIND]
    name = f"unknown item {kind or 'without a type'}" if unknown else name
    if kind == "image_generation_call" and "result" in facts:
        facts["result"] = f"an image of {len(str(facts['result']))} characters"
    details = json.dumps(facts, ensure_ascii=False)[:EVENT_TEXT_LIMIT]
    told = {"type": kind, "name": name, "status": status, "details": details}
    return told | ({"unknown": "yes"} if unknown else {})


def response_text(response: ModelResponse) -> str:
    """What the model said, without its calls."""
    return "".join(message_texts(response))


def message_texts(response: ModelResponse) -> list[str]:
    """What the model said, by its messages."""
    messages = [item for item in response.output if _is_message(item)]
    return ["".join(map(_words, message.content or [])) for message in messages]


def _words(part: Any) -> str:
    """The text of a part; servers have left it out, and sent parts of kinds of their own."""
    text = part.text if isinstance(part, ResponseOutputText) else None
    return text if isinstance(text, str) else ""
