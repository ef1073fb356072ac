"""A model's response as it is recorded: storable, readable, and otherwise as it came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agents import ModelResponse, Usage
from openai._models import construct_type
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage

from timestep.engine.model_responses import from_record
from timestep.engine.recorded import recorded
from timestep.storable import DEEP, is_deep


def response(*items: dict[str, Any]) -> ModelResponse:
    """A response with items as a provider's client makes them."""
    kinds = {"function_call": ResponseFunctionToolCall, "message": ResponseOutputMessage}
    output = [construct_type(value=item, type_=kinds[item["type"]]) for item in items]
    return ModelResponse(output=output, usage=Usage(), response_id="r")  # type: ignore[arg-type]


def called(arguments: str, **more: Any) -> dict[str, Any]:
    """A call's item."""
    item = {"type": "function_call", "call_id": "c1", "name": "pay", "arguments": arguments}
    return item | more


def said(text: str) -> dict[str, Any]:
    """A message's item."""
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
    return message | {"content": [part]}


async def test_what_is_fit_stays_the_same_object() -> None:
    given = response(called('{"a": "\\ud83d\\ude00"}'), said("😀 \\ud83d"))
    kept = await recorded(given, structured=False)
    assert kept.response is given
    assert from_record(kept.dumped).output == given.output


async def test_half_characters_are_replaced_in_every_text_and_in_what_is_read_as_json() -> None:
    call = called('{"a": "\\ud83d\ud83d"}', call_id="c\udc00", name="p\ud83d")
    kept = await recorded(response(call, said('{"a": "\\ud83d"}')), structured=True)
    found: Any = kept.response.output
    assert (found[0].call_id, found[0].name) == ("c\ufffd", "p\ufffd")
    assert json.loads(found[0].arguments) == {"a": "\ufffd\ufffd"}
    assert found[1].content[0].text == '{"a": "\\ufffd"}'
    assert from_record(kept.dumped).output == found
    json.dumps(kept.dumped, ensure_ascii=False).encode()


@pytest.mark.parametrize("levels", [201, 3_000, 100_000])
async def test_arguments_that_are_too_deep_are_no_json_any_more(levels: int) -> None:
    kept = await recorded(response(called("[" * levels + "]" * levels)), structured=False)
    [found] = kept.response.output
    assert isinstance(found, ResponseFunctionToolCall)
    assert found.arguments == "[" * 100 + f"… {DEEP}"


@pytest.mark.parametrize("levels", [230, 400, 900])
async def test_an_item_that_is_too_deep_is_cut(levels: int) -> None:
    extra: Any = "x"
    for _ in range(levels):
        extra = {"a": extra}
    kept = await recorded(response(called("{}", extra=extra)), structured=False)
    assert not is_deep(kept.dumped["output"][0])
    assert kept.response.output[0].call_id == "c1"  # type: ignore[union-attr]
