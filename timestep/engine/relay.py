"""The SDK's own stream events, for whoever streams a run in the process that executes it."""

from __future__ import annotations

from typing import Any

from agents import (
    Agent,
    AgentUpdatedStreamEvent,
    Handoff,
    ItemHelpers,
    ModelResponse,
    RunHooks,
    RunItemStreamEvent,
)
from agents.items import (
    HandoffCallItem,
    HandoffOutputItem,
    MessageOutputItem,
    ReasoningItem,
    RunItem,
    ToolCallItem,
    ToolCallOutputItem,
)
from agents.tool_context import ToolContext
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseReasoningItem,
)

from timestep.engine.execution import Execution


class Relay(RunHooks[Any]):
    """Tells an execution's listeners of agents and items; its model tells of raw events itself.

    Hooks run again on replay, which is why durable events never come from here: a listener lives
    in the process of the execution and ends with it.
    """

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._handoff: ResponseFunctionToolCall | None = None

    async def on_agent_start(self, context: Any, agent: Any) -> None:
        """An agent begins, at first or after a handoff."""
        self._execution.tell(AgentUpdatedStreamEvent(agent))

    async def on_llm_end(self, context: Any, agent: Agent[Any], response: ModelResponse) -> None:
        """A response is whole: its items."""
        handoffs = {_handoff_name(one) for one in agent.handoffs}
        for raw in response.output:
            name, item = _item(agent, raw, handoffs)
            if isinstance(item, HandoffCallItem):
                self._handoff = item.raw_item
            self._execution.tell(RunItemStreamEvent(name, item))  # type: ignore[arg-type]

    async def on_tool_end(self, context: Any, agent: Any, tool: Any, result: object) -> None:
        """A tool has returned."""
        if isinstance(context, ToolContext):
            call = ResponseFunctionToolCall(
                arguments=context.tool_arguments,
                call_id=context.tool_call_id,
                name=context.tool_name,
                type="function_call",
            )
            raw = ItemHelpers.tool_call_output_item(call, result)
            item = ToolCallOutputItem(agent=agent, raw_item=raw, output=result)
            self._execution.tell(RunItemStreamEvent("tool_output", item))

    async def on_handoff(self, context: Any, from_agent: Any, to_agent: Any) -> None:
        """The next agent takes over."""
        if self._handoff is None:
            return
        raw = ItemHelpers.tool_call_output_item(self._handoff, f"transferred to {to_agent.name}")
        item = HandoffOutputItem(
            agent=from_agent, raw_item=raw, source_agent=from_agent, target_agent=to_agent
        )
        # The SDK spells the name of this event so.
        self._execution.tell(RunItemStreamEvent("handoff_occured", item))


def _item(agent: Agent[Any], raw: Any, handoffs: set[str]) -> tuple[str, RunItem]:
    if isinstance(raw, ResponseOutputMessage):
        return "message_output_created", MessageOutputItem(agent, raw)
    if isinstance(raw, ResponseReasoningItem):
        return "reasoning_item_created", ReasoningItem(agent, raw)
    if isinstance(raw, ResponseFunctionToolCall) and raw.name in handoffs:
        return "handoff_requested", HandoffCallItem(agent, raw)
    return "tool_called", ToolCallItem(agent, raw)


def _handoff_name(handoff: Agent[Any] | Handoff[Any, Any]) -> str:
    if isinstance(handoff, Handoff):
        return handoff.tool_name
    return Handoff.default_tool_name(handoff)
