from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from agents import OpenAIResponsesModel
from openai import AsyncOpenAI

from tests.fake_openai import FakeOpenAI
from tests.providers.conftest import KEY, ask, stream_of
from timestep.engine.providers import close_clients, describe_failure, model_for
from timestep.engine.providers.clients import openai_client
from timestep.engine.providers.failures import ModelFailure
from timestep.errors import MissingKey

MODELS = ("gpt-test", "ollama/llama-test")


async def failure_of(name: str) -> ModelFailure:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any: its description is what counts
        await ask(name)
    return describe_failure(caught.value)


@pytest.mark.parametrize("name", MODELS)
async def test_an_answer_streams_and_completes(fake: FakeOpenAI, name: str) -> None:
    call = {"name": "add", "arguments": {"a": 1}}
    fake.script = {"turns": [{"text": "one two three", "calls": [call, call]}]}
    events = await ask(name)
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    done = events[-1]
    assert "".join(deltas) == "one two three"
    assert done.type == "response.completed"
    assert [item.type for item in done.response.output] == ["message", *["function_call"] * 2]
    assert done.response.usage is not None
    assert done.response.usage.output_tokens > 0


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("how", ["reset", "close", "truncate", "half_event", "api_error"])
async def test_a_broken_stream_is_retryable(fake: FakeOpenAI, name: str, how: str) -> None:
    fault = {"break": how, "after": 2, "message": "overloaded"}
    fake.script = {"turns": [{"tokens": 5, "faults": [fault]}]}
    failure = await failure_of(name)
    assert failure.retryable, failure
    assert failure.message
    assert (await ask(name))[-1].type == "response.completed"


@pytest.mark.parametrize(
    ("how", "code", "retryable", "message"),
    [
        ("failed", "server_error", True, "it broke"),
        ("failed", "invalid_prompt", False, "it broke"),
        ("error", "server_error", True, "it broke"),
        ("incomplete", "max_output_tokens", False, "max_output_tokens"),
    ],
)
async def test_the_apis_own_failures(
    fake: FakeOpenAI, how: str, code: str, retryable: bool, message: str
) -> None:
    fault = {"break": how, "code": code, "message": "it broke", "after": 1}
    fake.script = {"turns": [{"tokens": 3, "faults": [fault]}]}
    failure = await failure_of("gpt-test")
    assert failure.retryable is retryable
    assert message in failure.message


@pytest.mark.parametrize("name", MODELS)
async def test_a_busy_server_is_described_and_not_asked_again(fake: FakeOpenAI, name: str) -> None:
    busy = {"status": 429, "headers": {"retry-after": "7"}, "message": "slow down"}
    fake.script = {"turns": [{"text": "hi", "faults": [busy, {"status": 500, "message": "oops"}]}]}
    assert await failure_of(name) == ModelFailure(True, 429, "slow down", 7.0)
    assert await failure_of(name) == ModelFailure(True, 500, "oops", None)
    assert len(fake.requests) == 2


async def test_a_refused_request_has_the_providers_message(fake: FakeOpenAI) -> None:
    fault = {"status": 400, "message": f"Unknown parameter; your key is {KEY}"}
    fake.script = {"turns": [{"text": "hi", "faults": [fault]}]}
    assert await failure_of("gpt-test") == ModelFailure(
        False, 400, "Unknown parameter; your key is ***"
    )


async def test_a_server_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9/v1")
    failure = await failure_of("ollama/llama")
    await close_clients()
    assert failure.retryable
    assert "http://127.0.0.1:9" in failure.message


async def test_stopping_closes_the_connection(fake: FakeOpenAI) -> None:
    fake.script = {"turns": [{"tokens": 100, "token_delay": 0.05}]}
    async with aclosing(stream_of(model_for("gpt-test"), "x")) as events:  # type: ignore[type-var]
        async for event in events:
            if event.type == "response.output_text.delta":
                break
    await asyncio.sleep(0.2)
    assert fake.requests[0].outcome == "client_gone"


async def test_cancelling_a_hanging_call_is_prompt(fake: FakeOpenAI) -> None:
    fake.script = {"turns": [{"tokens": 5, "faults": [{"break": "hang", "after": 1}]}]}
    task = asyncio.create_task(ask("gpt-test"))
    await asyncio.sleep(0.3)
    task.cancel()
    async with asyncio.timeout(1):
        await asyncio.wait({task})
    await asyncio.sleep(0.1)
    assert task.cancelled()
    assert fake.requests[0].outcome == "client_gone"


def test_a_missing_key_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(MissingKey, match="OPENAI_API_KEY") as caught:
        model_for("gpt-4.1")
    assert caught.value.variable == "OPENAI_API_KEY"


async def test_one_client_for_one_loop_and_address(
    fake: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = openai_client("gpt-test")
    assert openai_client("gpt-test") is first
    assert first.max_retries == 0
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere.test/v1")
    assert openai_client("gpt-test") is not first
    other: Any = await asyncio.to_thread(asyncio.run, _client_of_another_loop())
    assert other is not first


async def _client_of_another_loop() -> object:
    return openai_client("gpt-test")


@pytest.mark.parametrize("name", MODELS)
async def test_calls_share_a_connection(fake: FakeOpenAI, name: str) -> None:
    fake.script = {"turns": [{"text": "one two three"}]}
    for _ in range(3):
        await ask(name)
    assert (len(fake.requests), fake.connections) == (3, 1)


async def test_a_conversation_is_sent_as_the_client_would_send_it(fake: FakeOpenAI) -> None:
    fake.script = {"turns": [{"text": "hi"}] * 3}
    content = [
        {"type": "input_text", "text": "look"},
        {"type": "input_image", "image_url": "data:,x"},
    ]
    conversation = [
        {"role": "user", "content": content},
        {"type": "function_call", "call_id": "c", "name": "add", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "3"},
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "e"},
    ]
    await ask("gpt-test", conversation, extra_body={"seed": 1})
    async with AsyncOpenAI(api_key=KEY, base_url=fake.url) as client:
        plain = OpenAIResponsesModel("gpt-test", client)
        async for _ in stream_of(plain, conversation, extra_body={"seed": 1}):
            pass
    ours, theirs = (request.body for request in fake.requests)
    assert ours == theirs
    assert len(ours["input"]) == 4
