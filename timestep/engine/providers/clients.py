"""Clients of model servers: one per event loop and address; connections belong to a loop."""

from __future__ import annotations

import asyncio
import hashlib
import os
from weakref import WeakKeyDictionary

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpx2Client

from timestep.engine.providers.responses_client import ResponsesClient
from timestep.engine.providers.wire import expect_done, pace
from timestep.errors import MissingKey
from timestep.providers import OLLAMA, OPENAI, Provider

_Key = tuple[str, str, str]
# Seconds. Reading waits for the next piece of a stream, and models may think for minutes first.
_TIMEOUT = httpx2.Timeout(600.0, connect=10.0)
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Key, AsyncOpenAI]] = (
    WeakKeyDictionary()
)


def openai_client(model: str) -> AsyncOpenAI:
    """A client for OpenAI's Responses API, or for what `OPENAI_BASE_URL` names.

    Raises:
        MissingKey: `OPENAI_API_KEY` is not set.
    """
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not key:
        raise MissingKey(model, "OPENAI_API_KEY")
    return _client(OPENAI, key)


def ollama_client() -> AsyncOpenAI:
    """A client for the Chat Completions API of the Ollama at `OLLAMA_BASE_URL`."""
    return _client(OLLAMA, "ollama")


def _client(provider: Provider, key: str) -> AsyncOpenAI:
    """The loop's client for this address and key; without a running loop, one of its own."""
    url = provider.base_url(os.environ)
    try:
        of_loop = _clients.setdefault(asyncio.get_running_loop(), {})
    except RuntimeError:
        return _make(provider, key, url)
    # The key itself is not kept here: a dictionary's repr ends up in somebody's log.
    name = (provider.prefix, url or "", hashlib.sha256(key.encode()).hexdigest())
    if name not in of_loop:
        of_loop[name] = _make(provider, key, url)
    return of_loop[name]


def _make(provider: Provider, key: str, url: str | None) -> AsyncOpenAI:
    """A client that never retries: the engine does, and shows it."""
    hooks = [pace] if provider is OPENAI else [pace, expect_done]
    http = DefaultAsyncHttpx2Client(timeout=_TIMEOUT, event_hooks={"response": hooks})
    made = ResponsesClient if provider is OPENAI else AsyncOpenAI
    return made(api_key=key, base_url=url, max_retries=0, timeout=_TIMEOUT, http_client=http)


async def close_clients() -> None:
    """Close the running loop's clients."""
    for client in _clients.pop(asyncio.get_running_loop(), {}).values():
        await client.close()
