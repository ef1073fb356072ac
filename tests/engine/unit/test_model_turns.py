"""What a model call says of itself when it asks for its turn, and when it ends."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future
from typing import Any

import httpx2
import pytest
from agents import ModelResponse, ModelSettings, Usage, function_tool
from openai import APIStatusError

from timestep.engine import model_turns
from timestep.engine.model_turns import Turn
from timestep.engine.turn_line import KnownLimits, Line
from timestep.services import turns
from timestep.services.turns import Asking, Spent

ASKING = Asking("c", "openai/m", "desk", "run", 1, "0.1", 300, None)


class Call:
    """A call with the arguments of `Model.get_response`, in their order."""

    def __init__(self, given: Any, tools: Any = ()) -> None:
        self._arguments = ["Be kind.", given, ModelSettings(), list(tools), None, []]

    def argument(self, position: int, name: str) -> Any:
        """One of them."""
        return self._arguments[position]


@function_tool
def look_up(order: int) -> str:
    """Look an order up."""
    return str(order)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is written of each turn that ends: its tokens."""
    written: list[Any] = []

    def submit(act: Any, call: str, answered_s: float, at: float, tokens: Any) -> Future[None]:
        written.append(tokens)
        return Future()

    monkeypatch.setattr(model_turns, "submit", submit)
    return written


def test_what_is_sent_is_measured() -> None:
    plain = model_turns._size(Call("hello"))
    assert plain == len("hello") + len("Be kind.")
    items = [{"role": "user", "content": "hällo"}]
    assert plain < model_turns._size(Call(items)) < plain + 50
    assert model_turns._size(Call("hello", [look_up])) > plain + 50


def test_a_picture_counts_for_what_pictures_do() -> None:
    image = [{"type": "input_image", "image_url": "data:image/png;base64," + "A" * 2_000_000}]
    assert model_turns._size(Call([{"role": "user", "content": image}])) < 10_000


def test_the_usage_settles_a_turn(settled: list[Any]) -> None:
    with Turn(ASKING) as turn:
        turn.answers()
        turn.answered(ModelResponse([], Usage(input_tokens=7, output_tokens=3), None))
    assert settled == [Spent(7, 3)]


def test_without_usage_the_size_does(settled: list[Any]) -> None:
    with Turn(ASKING) as turn:
        turn.answered(ModelResponse([], Usage(), None))
    assert settled == [Spent(100, 0)]


def test_a_refusal_used_nothing_and_a_broken_stream_nobody_knows_what(settled: list[Any]) -> None:
    answer = httpx2.Response(429, request=httpx2.Request("POST", "http://h/"))
    refusal = APIStatusError("no", response=answer, body=None)
    late = Turn(ASKING)
    late.answers()
    with pytest.raises(APIStatusError), Turn(ASKING):
        raise refusal
    with pytest.raises(APIStatusError), late:
        raise refusal
    with pytest.raises(ConnectionError), Turn(ASKING):
        raise ConnectionError
    assert settled == [0, None, None]


def test_a_call_that_nothing_limits_writes_nothing(settled: list[Any]) -> None:
    with Turn(None) as turn:
        turn.answers()
    assert settled == []


def test_what_was_seen_lately_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    known, read = KnownLimits(), []
    monkeypatch.setattr(known, "_read", lambda: read.append(1))
    asyncio.run(known.limit("openai/m"))
    assert read == [1]
    known.tell(["openai/*"], time.monotonic())
    assert asyncio.run(known.limit("m"))
    assert not asyncio.run(known.limit("demo/fast"))
    assert read == [1]


def test_nobody_waits_for_ever_where_looking_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(*_: Any) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(turns, "look", look)
    line = Line()
    for _ in range(2):  # The thread lives, or starts again.
        with pytest.raises(ValueError, match="broken"):
            asyncio.run(line.wait("c", "openai/m"))
