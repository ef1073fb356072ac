"""A model call takes its turn under the limits of its model, and says what it used."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from agents import FunctionTool, ModelResponse, Usage
from pydantic import TypeAdapter

from timestep.engine.execution import Execution
from timestep.engine.providers import describe_failure
from timestep.engine.threads import in_thread, submit
from timestep.engine.turn_line import KNOWN_LIMITS, LINE
from timestep.services import turns
from timestep.services.estimates import BYTES_PER_TOKEN
from timestep.services.limits import MOST_TOKENS
from timestep.services.turn_windows import Lack
from timestep.services.turns import Asking, Spent
from timestep.storable import storable_text

# A turn that was not used so long after it was taken is counted anew, from when it is.
_LATE_SECONDS = 1.0
# What a picture or a file counts for, whatever its size: providers bill those by other rules.
_FILE_BYTES = 6_000
_ITEMS = TypeAdapter(list[Any])


class Call(Protocol):
    """A model call: the arguments of `Model.get_response`, however they were passed."""

    def argument(self, position: int, name: str) -> Any:
        """One of them."""


@dataclass(frozen=True)
class Caller:
    """Who calls: the execution, the step, and the agent with its model."""

    execution: Execution
    step: str
    agent: str
    model: str


class Turn:
    """A turn that was taken; a context manager around the call itself.

    Args:
        asking: The call; None where nothing limits it.
    """

    def __init__(self, asking: Asking | None) -> None:
        self._asking = asking
        self._answered_at: float | None = None
        self._spent: Spent | None = None

    def answers(self) -> None:
        """The provider answers, so it has counted the request."""
        if self._answered_at is None:
            self._answered_at = time.monotonic()

    def used(self, usage: Usage) -> None:
        """What the provider says that the call used; it may say nothing."""
        if usage.input_tokens or usage.output_tokens:
            self._spent = Spent(usage.input_tokens, usage.output_tokens)

    def answered(self, response: ModelResponse) -> ModelResponse:
        """The whole answer; where no usage comes with it, what it used is told by its size."""
        self.used(response.usage)
        if self._spent is None and self._asking is not None:
            made = len(_ITEMS.dump_json(response.output, exclude_none=True))
            sent = self._asking.size
            self._spent = Spent(sent // BYTES_PER_TOKEN, made // BYTES_PER_TOKEN)
        return response

    def give_back(self) -> None:
        """Nothing is sent under this turn after all."""
        if self._asking is not None:
            submit(turns.give_back, self._asking.call)
            LINE.look_soon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._asking is None:
            return
        now = time.monotonic()
        answered_s = 0.0 if self._answered_at is None else now - self._answered_at
        # In the background: the answer waits for no row, and a call that is cut off cannot wait.
        settling = submit(_settle, self._asking.call, answered_s, now, self._tokens(error))
        settling.add_done_callback(lambda _: LINE.look_soon())

    def _tokens(self, error: BaseException | None) -> Spent | int | None:
        """What is known: nothing was used where the provider refused before it began to answer."""
        if self._spent is not None:
            return self._spent
        refused = error is not None and describe_failure(error).status_code is not None
        return 0 if refused and self._answered_at is None else None


def _settle(call: str, answered_s: float, ended_at: float, tokens: Spent | int | None) -> None:
    # Tried again while the database is away, so the time is taken at each try.
    ended_s = time.monotonic() - ended_at
    turns.settle(call, answered_s + ended_s, ended_s, tokens)


async def take_turn(caller: Caller, call: Call, tell: Callable[[Lack], None]) -> Turn:
    """Wait for a turn, where the model is limited.

    Args:
        caller: Who calls.
        call: What is sent.
        tell: Called once, with what the call waits for, if it must wait.
    """
    if not await KNOWN_LIMITS.limit(caller.model):
        return Turn(None)
    asking = _asking(caller, call)
    try:
        await _taken(caller, asking, tell)
    except BaseException:
        submit(turns.give_back, asking.call)
        LINE.look_soon()
        raise
    return Turn(asking)


async def _taken(caller: Caller, asking: Asking, tell: Callable[[Lack], None]) -> None:
    at = time.monotonic()
    lack = await in_thread(turns.ask, asking)
    if lack is not None:
        tell(lack)
        with caller.execution.waiting():
            at = await LINE.wait(asking.call, asking.model)
    while time.monotonic() - at > _LATE_SECONDS:
        at = time.monotonic()
        await in_thread(turns.renew, asking.call)


def _asking(caller: Caller, call: Call) -> Asking:
    return Asking(
        call=secrets.token_hex(16),
        model=storable_text(caller.model)[:200],
        agent=storable_text(caller.agent)[:200],
        run_id=caller.execution.run_id,
        epoch=caller.execution.epoch,
        step=caller.step,
        size=_size(call),
        most_output=_most(call.argument(2, "model_settings").max_tokens),
    )


def _most(tokens: int | None) -> int | None:
    """What the provider will hold to; it refuses what makes no sense."""
    return tokens if tokens is not None and 0 < tokens <= MOST_TOKENS else None


def _size(call: Call) -> int:
    """Bytes of what is sent, about."""
    schema = call.argument(4, "output_schema")
    parts: list[Any] = [call.argument(0, "system_instructions"), call.argument(1, "input")]
    parts += map(_offered, call.argument(3, "tools"))
    parts += map(_handoff, call.argument(5, "handoffs"))
    if schema is not None and not schema.is_plain_text():
        parts.append(schema.json_schema())
    return sum(map(_bytes, parts))


def _offered(tool: Any) -> Any:
    if isinstance(tool, FunctionTool):
        return [tool.name, tool.description, tool.params_json_schema]
    return str(tool.name)


def _handoff(handoff: Any) -> Any:
    return [handoff.tool_name, handoff.tool_description, handoff.input_json_schema]


def _bytes(value: Any) -> int:
    if isinstance(value, str):
        size = len(value.encode(errors="replace"))
        return min(size, _FILE_BYTES) if value.startswith("data:") else size
    if isinstance(value, dict):
        return sum(_bytes(key) + _bytes(item) + 4 for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return sum(_bytes(item) + 2 for item in value)
    return 0 if value is None else len(json.dumps(value, default=str))
