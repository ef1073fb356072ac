"""The Responses API's stream events for an answer that is already known."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from agents.items import TResponseStreamEvent
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseFunctionToolCall,
    ResponseInProgressEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
    ResponseUsage,
)
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

_TOKEN = re.compile(r"\s*\S{1,12}\s*|\s+")
Item = ResponseOutputMessage | ResponseFunctionToolCall


def message(ident: str, text: str) -> ResponseOutputMessage:
    """A finished message."""
    part = ResponseOutputText(type="output_text", text=text, annotations=[])
    return ResponseOutputMessage(
        id=f"msg_{ident}", type="message", role="assistant", status="completed", content=[part]
    )


def function_call(ident: str, index: int, name: str, arguments: str) -> ResponseFunctionToolCall:
    """A finished function call."""
    return ResponseFunctionToolCall(
        id=f"fc_{ident}_{index}",
        call_id=f"call_{ident}_{index}",
        type="function_call",
        name=name,
        arguments=arguments,
        status="completed",
    )


def response(ident: str, model: str, items: list[Item], sent: int) -> Response:
    """A finished response; usage is estimated at four characters a token."""
    made = sum(token_count(text_of(item)) for item in items)
    usage = ResponseUsage(
        input_tokens=sent,
        input_tokens_details=InputTokensDetails(cached_tokens=0, cache_write_tokens=0),
        output_tokens=made,
        output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
        total_tokens=sent + made,
    )
    return _response(ident, model, "completed", items, usage)


def _response(
    ident: str, model: str, status: Any, items: list[Item], usage: ResponseUsage | None
) -> Response:
    return Response(
        id=f"resp_{ident}",
        created_at=0.0,
        model=model,
        object="response",
        output=list(items),
        parallel_tool_calls=True,
        tool_choice="auto",
        tools=[],
        status=status,
        usage=usage,
    )


def token_count(text: str) -> int:
    """An honest estimate: four characters a token, at least one."""
    return max(1, (len(text) + 3) // 4)


def text_of(item: Item) -> str:
    """The text of an item that the model has made."""
    if isinstance(item, ResponseFunctionToolCall):
        return item.name + item.arguments
    return "".join(part.text for part in item.content if isinstance(part, ResponseOutputText))


def stream(done: Response, items: list[Item]) -> Iterator[TResponseStreamEvent]:
    """The events of a response, one delta for each token."""
    number = itertools.count()
    begun = done.model_copy(update={"status": "in_progress", "output": [], "usage": None})
    yield ResponseCreatedEvent(
        type="response.created", response=begun, sequence_number=next(number)
    )
    yield ResponseInProgressEvent(
        type="response.in_progress", response=begun, sequence_number=next(number)
    )
    for index, item in enumerate(items):
        make = _call_events if isinstance(item, ResponseFunctionToolCall) else _message_events
        yield from make(item, index, number)  # type: ignore[arg-type]
    yield ResponseCompletedEvent(
        type="response.completed", response=done, sequence_number=next(number)
    )


def _added(item: Item, index: int, number: Iterator[int]) -> ResponseOutputItemAddedEvent:
    is_call = isinstance(item, ResponseFunctionToolCall)
    content: dict[str, Any] = {"arguments": ""} if is_call else {"content": []}
    return ResponseOutputItemAddedEvent(
        type="response.output_item.added",
        item=item.model_copy(update={"status": "in_progress", **content}),
        output_index=index,
        sequence_number=next(number),
    )


def _done(item: Item, index: int, number: Iterator[int]) -> ResponseOutputItemDoneEvent:
    return ResponseOutputItemDoneEvent(
        type="response.output_item.done",
        item=item,
        output_index=index,
        sequence_number=next(number),
    )


def _message_events(
    item: ResponseOutputMessage, index: int, number: Iterator[int]
) -> Iterator[TResponseStreamEvent]:
    text = text_of(item)
    at: dict[str, Any] = {"item_id": item.id, "output_index": index, "content_index": 0}
    part = ResponseOutputText(type="output_text", text=text, annotations=[])
    yield _added(item, index, number)
    yield ResponseContentPartAddedEvent(
        type="response.content_part.added",
        part=part.model_copy(update={"text": ""}),
        sequence_number=next(number),
        **at,
    )
    for token in _TOKEN.findall(text):
        yield ResponseTextDeltaEvent(
            type="response.output_text.delta",
            delta=token,
            logprobs=[],
            sequence_number=next(number),
            **at,
        )
    yield ResponseTextDoneEvent(
        type="response.output_text.done",
        text=text,
        logprobs=[],
        sequence_number=next(number),
        **at,
    )
    yield ResponseContentPartDoneEvent(
        type="response.content_part.done", part=part, sequence_number=next(number), **at
    )
    yield _done(item, index, number)


def _call_events(
    item: ResponseFunctionToolCall, index: int, number: Iterator[int]
) -> Iterator[TResponseStreamEvent]:
    at: dict[str, Any] = {"item_id": item.id or "", "output_index": index}
    yield _added(item, index, number)
    for token in _TOKEN.findall(item.arguments):
        yield ResponseFunctionCallArgumentsDeltaEvent(
            type="response.function_call_arguments.delta",
            delta=token,
            sequence_number=next(number),
            **at,
        )
    yield ResponseFunctionCallArgumentsDoneEvent(
        type="response.function_call_arguments.done",
        arguments=item.arguments,
        sequence_number=next(number),
        **at,
    )
    yield _done(item, index, number)
