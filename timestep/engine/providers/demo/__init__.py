"""The demo provider: an offline model that uses tools and hands off, always in the same way.

It knows no language: it matches words, draws arguments from the question by their schemas, and
sums up what the tools returned. It says that it is a demo, in its texts as in its label.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator
from typing import Any

from agents import FunctionTool, ModelResponse, Usage
from agents.agent_output import AgentOutputSchemaBase
from agents.handoffs import Handoff
from agents.items import TResponseInputItem, TResponseStreamEvent
from agents.model_settings import ModelSettings
from agents.models.interface import Model, ModelTracing
from agents.tool import Tool
from openai.types.responses import Response, ResponseCompletedEvent
from openai.types.responses.response_prompt_param import ResponsePromptParam

from timestep.engine.providers.demo import events
from timestep.engine.providers.demo.arguments import draw
from timestep.engine.providers.demo.conversation import Conversation, read
from timestep.engine.providers.demo.deciding import Offer, Situation, decide, source_of
from timestep.engine.providers.demo.speaking import announcement, summary

_PACES = {"fast": 60.0, "slow": 8.0}
_PACE_VARIABLE = "TIMESTEP_DEMO_TOKENS_PER_SECOND"
_PACED = ("response.output_text.delta", "response.function_call_arguments.delta")


def tokens_per_second(name: str) -> float:
    """The pace of `demo/<name>`; 0 means no waiting.

    The environment's `TIMESTEP_DEMO_TOKENS_PER_SECOND` replaces that of fast and slow.
    """
    if name == "instant":
        return 0.0
    if name.endswith("tps"):
        return float(name.removesuffix("tps"))
    try:
        return max(float(os.environ.get(_PACE_VARIABLE, "")), 0.0)
    except ValueError:
        return _PACES[name]


class DemoModel(Model):
    """The model `demo/<name>`. See the module."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def get_response(  # noqa: PLR0913 - the SDK's signature, as is `input`
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],  # noqa: A002
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None = None,
        conversation_id: str | None = None,
        prompt: ResponsePromptParam | None = None,
    ) -> ModelResponse:
        """The whole answer, after the time that it takes at this pace."""
        given = (system_instructions, input, model_settings, tools, output_schema, handoffs)
        async for event in self._stream(*given):
            if isinstance(event, ResponseCompletedEvent):
                return _model_response(event.response)
        raise AssertionError("a demo stream always completes")

    async def stream_response(  # noqa: PLR0913 - the SDK's signature, as is `input`
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],  # noqa: A002
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None = None,
        conversation_id: str | None = None,
        prompt: ResponsePromptParam | None = None,
    ) -> AsyncIterator[TResponseStreamEvent]:
        """The answer's events, token by token."""
        given = (system_instructions, input, model_settings, tools, output_schema, handoffs)
        async for event in self._stream(*given):
            yield event

    async def _stream(
        self,
        instructions: str | None,
        given: str | list[TResponseInputItem],
        settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
    ) -> AsyncIterator[TResponseStreamEvent]:
        ident, size = _fingerprint(instructions, given, tools, handoffs)
        situation = _situation(instructions, given, settings, tools, handoffs)
        items = _items(ident, situation, output_schema)
        done = events.response(ident, f"demo/{self.name}", items, size)
        rate, clock = tokens_per_second(self.name), asyncio.get_running_loop()
        due = clock.time()
        for event in events.stream(done, items):
            if rate and event.type in _PACED:
                due += 1 / rate
                await asyncio.sleep(due - clock.time())
            yield event


def _situation(
    instructions: str | None,
    given: str | list[TResponseInputItem],
    settings: ModelSettings,
    tools: list[Tool],
    handoffs: list[Handoff],
) -> Situation:
    return Situation(
        instructions=instructions or "",
        conversation=read(given),
        tools=[
            Offer(tool.name, tool.description, tool.params_json_schema)
            for tool in tools
            if isinstance(tool, FunctionTool)
        ],
        handoffs=[
            Offer(h.tool_name, h.tool_description, h.input_json_schema, target=h.agent_name)
            for h in handoffs
        ],
        only=settings.tool_choice if isinstance(settings.tool_choice, str) else None,
        parallel=settings.parallel_tool_calls is not False,
    )


def _items(
    ident: str, situation: Situation, output_schema: AgentOutputSchemaBase | None
) -> list[events.Item]:
    planned = decide(situation)
    handoffs = {offer.name: offer.target for offer in situation.handoffs}
    if planned:
        said = " ".join(announcement(call.name, call.arguments, handoffs) for call in planned)
        calls = [
            events.function_call(ident, index, call.name, call.arguments)
            for index, call in enumerate(planned)
        ]
        return [events.message(ident, said), *calls]
    return [events.message(ident, _final(situation.conversation, set(handoffs), output_schema))]


def _final(
    conversation: Conversation, handoffs: set[str], output_schema: AgentOutputSchemaBase | None
) -> str:
    """The last words: plain, or JSON where the agent has an output schema."""
    words = summary(conversation, handoffs)
    if output_schema is None or output_schema.is_plain_text():
        return words
    value = draw(output_schema.json_schema(), source_of(conversation, words)).value
    return json.dumps(value, ensure_ascii=False)


def _fingerprint(
    instructions: str | None,
    given: str | list[TResponseInputItem],
    tools: list[Tool],
    handoffs: list[Handoff],
) -> tuple[str, int]:
    """An id that no other call of the conversation has, and the estimated tokens of the input."""
    names = [tool.name for tool in tools] + [handoff.tool_name for handoff in handoffs]
    text = json.dumps([instructions, given, names], sort_keys=True, default=_as_json)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    return f"demo_{digest}", events.token_count(text)


def _as_json(value: Any) -> Any:
    return value.model_dump() if hasattr(value, "model_dump") else str(value)


def _model_response(done: Response) -> ModelResponse:
    usage = Usage(requests=1)
    if done.usage is not None:
        usage.input_tokens = done.usage.input_tokens
        usage.output_tokens = done.usage.output_tokens
        usage.total_tokens = done.usage.total_tokens
    return ModelResponse(output=done.output, usage=usage, response_id=done.id)
