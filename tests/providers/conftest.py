"""The double of OpenAI's servers, and a way to call a model of ours on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from agents import FunctionTool, ModelSettings
from agents.items import TResponseStreamEvent
from agents.models.interface import Model, ModelTracing

from tests.fake_openai import FakeOpenAI
from timestep.engine.providers import close_clients, model_for

Ask = Callable[..., Awaitable[list[TResponseStreamEvent]]]
KEY = "sk-test-0123456789abcdef"


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeOpenAI]:
    """The double, to which OpenAI and Ollama both lead."""
    async with FakeOpenAI() as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OLLAMA_BASE_URL", server.url)
        yield server
        await close_clients()


def stream_of(model: Model, given: Any, **settings: Any) -> AsyncIterator[TResponseStreamEvent]:
    """A plain streamed call."""
    tools: list[Any] = settings.pop("tools", [])
    return model.stream_response(
        settings.pop("instructions", None),
        given,
        ModelSettings(**settings),
        tools,
        None,
        [],
        ModelTracing.DISABLED,
        previous_response_id=None,
        conversation_id=None,
        prompt=None,
    )


async def ask(name: str, given: Any = "hello", **settings: Any) -> list[TResponseStreamEvent]:
    """All events of one answer."""
    return [event async for event in stream_of(model_for(name), given, **settings)]


def tool(name: str, description: str = "", /, **properties: Any) -> FunctionTool:
    """A tool with these properties, all of them required."""

    async def invoke(_context: object, _arguments: str) -> str:
        return "ok"

    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return FunctionTool(name, description, schema, invoke, strict_json_schema=False)
