"""Responses with items that the SDK does not know: recorded, read again, and gone on with."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agents import Agent, ModelResponse, RunConfig, Runner, Usage
from agents.testing import ModelStep, ScriptedModel
from openai._models import construct_type
from openai.types.responses import ResponseOutputItem

from timestep.engine.model_responses import (
    as_record,
    from_record,
    hosted_calls,
    is_unknown,
    message_texts,
)

TEXT = {"type": "output_text", "text": "hello", "annotations": []}
SAID = {"type": "message", "id": "t", "role": "assistant", "status": "completed", "content": [TEXT]}
ODD: list[dict[str, Any]] = [
    {"type": "mystery", "id": "m1"},
    {"type": "mystery", "id": "m1", "payload": {"a": [1, {"b": None}]}, "content": None},
    {"type": "mystery", "id": "m1", "content": [{"type": "blob", "data": "x"}]},
    {"type": "mystery", "id": "m1", "content": "words"},
    {"type": "mystery", "content": 5},
    {"type": "mystery", "call_id": "c", "name": "x", "arguments": "{}"},
    {"id": "m1", "x": 1},
    {"type": None, "id": "m1"},
    {"type": 7, "id": "m1"},
]

pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")


def _sent(*items: dict[str, Any]) -> ModelResponse:
    """What the SDK's client makes of these items."""
    made = [construct_type(value=item, type_=ResponseOutputItem) for item in items]
    return ModelResponse(output=made, usage=Usage(), response_id="r")  # type: ignore[arg-type]


def _read(*items: dict[str, Any]) -> ModelResponse:
    return from_record(json.loads(json.dumps(as_record(_sent(*items)))))


@pytest.mark.parametrize("odd", ODD)
def test_it_is_recorded_whole_and_reads_the_same_each_time(odd: dict[str, Any]) -> None:
    assert as_record(_sent(odd, SAID))["output"][0] == odd
    once = _read(odd, SAID)
    assert [is_unknown(item) for item in once.output] == [True, False]
    assert message_texts(once) == ["hello"]
    assert from_record(as_record(once)) == _read(odd, SAID)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("last", [False, True])
async def test_the_sdk_answers_with_the_text(odd: dict[str, Any], last: bool) -> None:
    items = [SAID, odd] if last else [odd, SAID]
    if last and isinstance(odd.get("content"), list | str):
        return  # The SDK takes it for the last message, which has no text.
    model = ScriptedModel([ModelStep(output=_read(*items).output)])
    result = await Runner.run(
        Agent(name="a", model=model), "hi", run_config=RunConfig(tracing_disabled=True)
    )
    assert result.final_output == "hello"


def test_people_see_what_it_is_and_not_more_than_fits() -> None:
    [shown] = hosted_calls(_read({"type": "m" * 500, "id": "m1", "blob": "x" * 10**6}, SAID))
    assert shown["name"].startswith("unknown item mmm")
    assert len(json.dumps(shown)) < 110_000


def test_a_part_of_an_unknown_kind_leaves_the_text() -> None:
    said = SAID | {"content": [{"type": "new_part", "x": 1}, TEXT]}
    assert message_texts(_read(said)) == ["hello"]


def test_a_response_without_an_id_is_read_back() -> None:
    response = ModelResponse(output=_sent(SAID).output, usage=Usage(), response_id=None)
    assert from_record(as_record(response)).response_id is None
    left_out: dict[str, Any] = {"output": [], "usage": {}}  # As earlier releases recorded it.
    assert from_record(left_out).response_id is None
