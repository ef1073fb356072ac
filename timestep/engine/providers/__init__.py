"""Models by name: one builder per prefix of `timestep.providers.PROVIDERS`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from agents import OpenAIChatCompletionsModel, OpenAIResponsesModel
from agents.items import TResponseStreamEvent
from agents.models.interface import Model

from timestep.engine.providers.clients import close_clients, ollama_client, openai_client
from timestep.engine.providers.demo import DemoModel
from timestep.engine.providers.failures import ModelFailure, backoff_seconds, describe_failure
from timestep.engine.providers.streams import whole
from timestep.providers import split_model_name

__all__ = [
    "ModelFailure",
    "backoff_seconds",
    "close_clients",
    "describe_failure",
    "model_for",
    "whole",
]


class ResponsesModel(OpenAIResponsesModel):
    """The SDK's Responses model, whose streams end with a completed answer or an error."""

    async def stream_response(
        self, *args: Any, **kwargs: Any
    ) -> AsyncIterator[TResponseStreamEvent]:
        """The events of one whole answer."""
        async with aclosing(whole(super().stream_response(*args, **kwargs))) as events:
            async for event in events:
                yield event


class ChatModel(OpenAIChatCompletionsModel):
    """The SDK's Chat Completions model, whose streams end with a completed answer or an error."""

    async def stream_response(
        self, *args: Any, **kwargs: Any
    ) -> AsyncIterator[TResponseStreamEvent]:
        """The events of one whole answer."""
        async with aclosing(whole(super().stream_response(*args, **kwargs))) as events:
            async for event in events:
                yield event


def _openai(rest: str) -> Model:
    return ResponsesModel(rest, openai_client(rest))


def _ollama(rest: str) -> Model:
    return ChatModel(rest, ollama_client())


_BUILDERS: Mapping[str, Callable[[str], Model]] = {
    "openai": _openai,
    "ollama": _ollama,
    "demo": DemoModel,
}


def model_for(name: str) -> Model:
    """The model of this name, ready to be called on the running event loop.

    Raises:
        InvalidInput: No provider has the name's prefix.
        MissingKey: The provider's key is not in this process's environment.
    """
    provider, rest = split_model_name(name)
    return _BUILDERS[provider.prefix](rest)
