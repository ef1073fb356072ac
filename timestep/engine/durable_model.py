"""Model calls as checkpointed steps: streamed while they happen, recorded when they are whole."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import Any

from agents import Model, ModelBehaviorError, ModelResponse
from agents.items import TResponseStreamEvent
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputItemDoneEvent,
    ResponseTextDeltaEvent,
)
from openai.types.responses.response_output_item import McpApprovalRequest

from timestep.engine.durable_approval import (
    ask_gate,
    gate_questions,
    is_unreadable,
    pass_unreadable,
    unreadable,
)
from timestep.engine.durable_tools import is_nested, steps_around, tools_by_name
from timestep.engine.execution import Scope, current_scope, durable_scope
from timestep.engine.failed_answers import take_model_step
from timestep.engine.handoff_arguments import check_arguments
from timestep.engine.holds import is_held, pass_holds
from timestep.engine.local_calls import keep_steps, local_questions, made_by_provider, made_here
from timestep.engine.missing_tools import remember_missing
from timestep.engine.model_responses import (
    as_stream,
    delta_of,
    from_record,
    function_calls,
    hosted_calls,
    message_texts,
    model_response,
    response_text,
)
from timestep.engine.model_turns import Caller, Turn, take_turn
from timestep.engine.pacing import Gathered, Pace
from timestep.engine.providers import backoff_seconds, describe_failure, model_for
from timestep.engine.recorded import recorded
from timestep.engine.step_ids import take_blocks
from timestep.engine.threads import in_thread
from timestep.engine.usage import response_usage, usage_as_json
from timestep.ids import segment_id
from timestep.models import DELTA_KIND
from timestep.services.turn_windows import Lack
from timestep.storable import EVENT_TEXT_LIMIT

MAX_TRIES = 6


class IncompleteStream(ConnectionError):
    """The model's stream ended before the response was complete."""


class DurableModel(Model):
    """Wraps a provider's model so that each call of a run is one step.

    Args:
        name: The model's name with its provider prefix, as in the agent definition.
        agent: Name of the agent that uses it, for events.
        model: The model itself, where it is not found by its name.
        timeout: How many seconds one try may take.
    """

    def __init__(
        self, name: str, agent: str, model: Model | None = None, timeout: float | None = None
    ) -> None:
        self.name = name
        self.timeout = timeout
        self._agent = agent
        self._model = model

    @property
    def plain(self) -> Model:
        """The model that makes the call."""
        return model_for(self.name) if self._model is None else self._model

    async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:
        """Make the call as a step, or plainly where no step can be taken."""
        scope = durable_scope()
        if scope is None:
            return await self.plain.get_response(*args, **kwargs)
        call = _Call(self, scope, args, kwargs)
        reservation = take_model_step(scope)
        call.step_id = reservation.step_id
        kept = await reservation.run_async({"name": "model"}, call.as_json)
        response = from_record(kept["response"])
        scope.answer, scope.answer_used = call.step_id, False
        scope.verdicts.update(kept["verdicts"])
        # In response order and before any tool starts: this is what makes parallel calls replay
        # to the results they had.
        tools = tools_by_name(call.argument(3, "tools"))
        for asked in response.output:
            if isinstance(asked, McpApprovalRequest):
                scope.reserve_call(asked.id)
        blocks = itertools.count(kept.get("blocks_from", 0))
        for item in function_calls(response):
            tool = tools.get(item.name)
            if tool is not None:
                scope.called[self._agent, item.name] = tool
            else:
                remember_missing(scope, self._agent, item)
            # Some providers number the calls of each response from one again.
            scope.approved.pop(item.call_id, None)
            block = next(blocks) if is_nested(tool) else None
            scope.reserve_call(item.call_id, block=block, around=steps_around(tool))
        keep_steps(scope, made_here(response.output, call.argument(3, "tools")))
        pass_unreadable(scope, tools, call.argument(5, "handoffs"), function_calls(response))
        self._emit_finished(call, kept, response)
        return response

    async def stream_response(
        self, *args: Any, **kwargs: Any
    ) -> AsyncIterator[TResponseStreamEvent]:
        """The call as a stream: in a run, of what its step has recorded.

        The SDK streams agents used as tools whose author wants their events.
        """
        if durable_scope() is None:
            async for event in self.plain.stream_response(*args, **kwargs):
                yield event
            return
        for event in as_stream(self.name, await self.get_response(*args, **kwargs)):
            yield event

    def _emit_finished(self, call: _Call, kept: dict[str, Any], response: ModelResponse) -> None:
        calls = function_calls(response)
        local = made_here(response.output, call.argument(3, "tools"))
        told = [(made.call_id, tool.name, made.arguments) for made, tool in local]
        payload = {
            "agent": self._agent,
            "model": self.name,
            "text": response_text(response)[:EVENT_TEXT_LIMIT],
            "tool_calls": [
                {"call_id": call_id, "name": name, "arguments": arguments[:EVENT_TEXT_LIMIT]}
                for call_id, name, arguments in [*map(_facts, calls), *told]
            ],
            "hosted_calls": hosted_calls(response, {made.call_id for made, _tool in local}),
            "usage": usage_as_json(response.usage),
            "started_at": kept["started_at"],
            "ended_at": kept["ended_at"],
            "duration_ms": kept["duration_ms"],
            "tries": kept["tries"],
            # Not in what an earlier release recorded.
            "waited_ms": kept.get("waited_ms", 0),
        }
        attempt = kept["attempt"]
        call.scope.emit("model.finished", payload, step_id=call.step_id, attempt=attempt)
        handoffs = {h.tool_name: h.agent_name for h in call.argument(5, "handoffs")}
        taken = next((c.name for c in calls if c.name in handoffs), None)
        if taken is not None:
            call.scope.handoff_call = next(c.call_id for c in calls if c.name == taken)
            hop = {"from": self._agent, "to": handoffs[taken]}
            call.scope.emit("handoff", hop, step_id=call.step_id, attempt=attempt)


class _Call:
    """One model call: its arguments, and the tries it takes."""

    def __init__(
        self, model: DurableModel, scope: Scope, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.scope = scope
        self.step_id = 0
        self._model = model
        self._args = args
        self._kwargs = kwargs
        self._waited_s = 0.0
        self._offered = made_by_provider(self.argument(3, "tools"))

    def argument(self, position: int, name: str) -> Any:
        """An argument of `Model.get_response`, however it was passed."""
        return self._args[position] if len(self._args) > position else self._kwargs[name]

    async def as_json(self) -> dict[str, Any]:
        """The step's body: call until whole, ask the gate, and give all of it as JSON."""
        await self._pass_holds()
        started = datetime.now(UTC)
        tries, response = await self._response()
        ended = datetime.now(UTC)
        schema = self.argument(4, "output_schema")
        structured = schema is not None and not schema.is_plain_text()
        read = await recorded(response, structured=structured)
        response = read.response
        await self._refuse_malformed(response)
        return {
            "response": read.dumped,
            "verdicts": await self._verdicts(response),
            "attempt": self.scope.execution.attempt(tries),
            "tries": tries,
            "started_at": started.isoformat(),
            "ended_at": ended.isoformat(),
            "duration_ms": round(((ended - started).total_seconds() - self._waited_s) * 1000),
            "waited_ms": round(self._waited_s * 1000),
            **await self._blocks(response),
        }

    async def _verdicts(self, response: ModelResponse) -> dict[str, str]:
        agent, tools = self._model._agent, self.argument(3, "tools")
        calls = function_calls(response)
        of_functions = gate_questions(self.scope, agent, tools_by_name(tools), calls)
        local = made_here(response.output, tools)
        said = await ask_gate([*of_functions, *local_questions(self.scope, agent, local)])
        return said | unreadable(tools_by_name(tools), self.argument(5, "handoffs"), calls, said)

    async def _blocks(self, response: ModelResponse) -> dict[str, int]:
        """Where the step ids of the agents that the response calls are; nothing without such."""
        tools = tools_by_name(self.argument(3, "tools"))
        nested = sum(is_nested(tools.get(call.name)) for call in function_calls(response))
        if not nested:
            return {}
        execution = self.scope.execution
        segment = segment_id(execution.run_id, execution.n)
        return {"blocks_from": await in_thread(take_blocks, segment, nested)}

    async def _response(self) -> tuple[int, ModelResponse]:
        for number in range(1, MAX_TRIES + 1):
            attempt = self.scope.execution.attempt(number)
            try:
                return number, await self._tried(attempt)
            except Exception as error:  # noqa: BLE001 - any provider's error: retried, or the run's
                await self._wait_or_fail(number, attempt, error)
        raise AssertionError("the last try returns or fails the run")

    async def _refuse_malformed(self, response: ModelResponse) -> None:
        """Fail the run where its final answer breaks the output type, or a handoff's its own.

        The SDK would say so only after the answer is recorded, and its calls were made.
        """
        handoffs = {one.tool_name: one for one in self.argument(5, "handoffs")}
        taken = next((c for c in function_calls(response) if c.name in handoffs), None)
        try:
            if taken is not None and not is_unreadable(handoffs[taken.name], taken):
                check_arguments(handoffs[taken.name], taken.arguments)
        except ModelBehaviorError as error:
            await self.scope.execution.fail(self._what(), self.step_id, error)
        schema = self.argument(4, "output_schema")
        texts = message_texts(response)
        if schema is None or schema.is_plain_text() or function_calls(response) or not any(texts):
            return
        try:
            schema.validate_json(texts[-1])
        except ModelBehaviorError as error:
            await self.scope.execution.fail(self._what(), self.step_id, error)

    def _what(self) -> str:
        return f"model {self._model.name} of agent {self._model._agent}"

    async def _wait_or_fail(self, number: int, attempt: int, error: Exception) -> None:
        failure = describe_failure(error)
        if not failure.retryable or number == MAX_TRIES:
            failed = ModelCallFailed.of(failure, error)
            await self.scope.execution.fail(self._what(), self.step_id, failed)
        wait = backoff_seconds(number, failure.retry_after, random)
        retry = {
            "try": number,
            "error": failure.message,
            "status_code": failure.status_code,
            "wait_s": round(wait, 3),
        }
        self._emit("model.retry", retry, attempt)
        await asyncio.sleep(wait)

    async def _pass_holds(self) -> None:
        await pass_holds(self.scope, self._model._agent, offered=self._offered)

    async def _tried(self, attempt: int) -> ModelResponse:
        execution = self.scope.execution
        step = execution.step_name(self.step_id)
        caller = Caller(execution, step, self._model._agent, self._model.name)
        began = time.monotonic()
        with await self._turn(caller, attempt) as turn:
            self._waited_s += time.monotonic() - began
            self._emit("model.started", {}, attempt)
            return await self._stream(attempt, turn)

    async def _turn(self, caller: Caller, attempt: int) -> Turn:
        """Take a turn that is used at once: while something is held, others go first."""
        while True:
            await self._pass_holds()
            turn = await take_turn(caller, self, partial(self._say_waiting, attempt))
            # Nothing is awaited from here to the call.
            await self.scope.execution.keep_lease()
            if not is_held(self.scope, self._model._agent, self._offered):
                return turn
            turn.give_back()

    def _say_waiting(self, attempt: int, lack: Lack) -> None:
        since = datetime.now(UTC).isoformat()
        until = None if lack.until is None else lack.until.isoformat()
        waiting = {"limit": lack.limit, "what": lack.what, "since": since, "until": until}
        self._emit("model.waiting", waiting, attempt)

    async def _stream(self, attempt: int, turn: Turn) -> ModelResponse:
        token = current_scope.set(None)  # A provider's own use of agents is no part of the run.
        try:
            with self.scope.execution.time.calling():
                async with asyncio.timeout(self._model.timeout):
                    events = self._model.plain.stream_response(*self._args, **self._kwargs)
                    return await self._consume(events, attempt, turn)
        finally:
            current_scope.reset(token)

    async def _consume(self, events: Any, attempt: int, turn: Turn) -> ModelResponse:
        items: list[Any] = []
        pace = Pace()
        spoken = Gathered(lambda text: self._emit(DELTA_KIND, {"text": text}, attempt))
        async with aclosing(events) as stream:
            async for event in stream:
                turn.answers()
                self.scope.relay(event)
                await pace.step(len(delta_of(event) or ""))
                if isinstance(event, ResponseTextDeltaEvent):
                    spoken.add(event.delta)
                    continue
                spoken.flush()
                if isinstance(event, ResponseOutputItemDoneEvent):
                    items.append(event.item)
                elif isinstance(event, ResponseCompletedEvent):
                    return turn.answered(model_response(event.response, items))
                elif event.type in ("response.failed", "response.incomplete"):
                    turn.used(response_usage(event.response.usage))
                    raise IncompleteResponse.of(event.type, event.response)
        raise IncompleteStream("the model's stream ended before the response was complete")

    def _emit(self, kind: str, payload: dict[str, Any], attempt: int) -> None:
        if kind != DELTA_KIND:
            payload = {"agent": self._model._agent, "model": self._model.name} | payload
        self.scope.emit(kind, payload, step_id=self.step_id, attempt=attempt)


class ModelCallFailed(Exception):
    """A model call failed for good; the message is the provider's, bounded and without keys."""

    @classmethod
    def of(cls, failure: Any, cause: Exception) -> ModelCallFailed:
        """The failure with its cause's type; the cause's own text may hold more than is safe."""
        status = f" (HTTP {failure.status_code})" if failure.status_code else ""
        return cls(f"{failure.message}{status}").with_traceback(cause.__traceback__)


class IncompleteResponse(Exception):
    """The provider ended a response as failed or incomplete."""

    @classmethod
    def of(cls, kind: str, response: Response) -> IncompleteResponse:
        """The provider's reason, where it gave one."""
        if response.error is not None:
            return cls(f"{response.error.code}: {response.error.message}")
        details = response.incomplete_details
        return cls(f"{kind}: {details.reason if details else 'no reason given'}")


def _facts(call: ResponseFunctionToolCall) -> tuple[str, str, str]:
    return call.call_id, call.name, call.arguments
