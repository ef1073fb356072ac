"""A durable copy of a plain agent graph: everything that it does in a run becomes a step."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from agents import (
    Agent,
    ApplyPatchTool,
    ComputerTool,
    CustomTool,
    FunctionTool,
    Handoff,
    HostedMCPTool,
    LocalShellTool,
    MCPToolApprovalRequest,
    ModelSettings,
    MultiProvider,
    RunConfig,
    RunContextWrapper,
    ShellTool,
    Tool,
    ToolsToFinalOutputResult,
)
from agents.mcp import MCPServer
from agents.models import get_default_model, get_default_model_settings
from agents.models.interface import Model
from agents.run_config import ToolErrorFormatterArgs
from pydantic import TypeAdapter

from timestep.engine.durable_agent_tools import NotDurable, durable_agent_tool, own_run_config
from timestep.engine.durable_functions import (
    as_step,
    durable_flag,
    durable_instructions,
    durable_prompt,
    plainly,
)
from timestep.engine.durable_guardrails import (
    durable_input_guardrail,
    durable_output_guardrail,
    durable_tool_input_guardrail,
    durable_tool_output_guardrail,
)
from timestep.engine.durable_local_tools import durable_local_tool
from timestep.engine.durable_mcp import DurableMCPServer, may_repeat
from timestep.engine.durable_model import DurableModel
from timestep.engine.durable_tools import as_json, durable_tool, remember_tool_error, steps_around
from timestep.engine.execution import durable_scope
from timestep.engine.handoff_arguments import check_arguments, keep_input_type
from timestep.engine.local_calls import kinds_of, steps_around_local
from timestep.engine.missing_tools import leave_row
from timestep.engine.step_ids import StepIds
from timestep.tools import options_of

_LOCAL_TOOLS = (ApplyPatchTool, ComputerTool, CustomTool, LocalShellTool, ShellTool)


class DurableAgent(Agent[Any]):
    """An agent whose MCP tools are durable like its other tools."""

    async def get_all_tools(self, run_context: RunContextWrapper[Any]) -> list[Tool]:
        """The tools that it is offered in a turn, which begins with this."""
        if (scope := durable_scope()) is not None:
            scope.enabled.clear()
            scope.agent, scope.context = self, run_context
        return await super().get_all_tools(run_context)

    async def get_mcp_tools(self, run_context: RunContextWrapper[Any]) -> list[Tool]:
        """The tools of its MCP servers."""
        tools = await super().get_mcp_tools(run_context)
        return [_mcp_tool(tool, self.name) for tool in tools]


def make_durable(agent: Agent[Any], run_config: RunConfig | None = None) -> Agent[Any]:
    """A copy of an agent, and of every agent that it can reach, for a run of the engine.

    Outside a run the copy behaves like the original.

    Args:
        agent: The agent that starts; neither it nor any other object is changed.
        run_config: The run's configuration; its model takes the place of the agents' own.

    Raises:
        NotDurable: An agent has a tool whose work cannot be recorded.
    """
    return _Graph(run_config or RunConfig(), {}).agent(agent)


def durable_run_config(config: RunConfig | None, workflow_name: str) -> RunConfig:
    """The configuration with which the engine runs the durable copy of an agent.

    Args:
        config: What the author gave, if anything.
        workflow_name: What the run is called.
    """
    config = config or RunConfig()
    before, after = config.input_guardrails or [], config.output_guardrails or []
    return replace(
        config,
        # Both are in the durable models already.
        model=None,
        model_settings=_without_tries(config.model_settings),
        input_guardrails=[durable_input_guardrail(one) for one in before],
        output_guardrails=[durable_output_guardrail(one) for one in after],
        tracing_disabled=True,
        workflow_name=workflow_name,
        tool_error_formatter=_tool_errors(config.tool_error_formatter),
        # Its answer is recorded by then: failing the run would fail every retry as well.
        tool_not_found_behavior="return_error_to_model",
    )


def steps_around_tools(agent: Agent[Any]) -> Callable[[str], int]:
    """How many steps a call may take beside itself, by the name of its tool.

    The most of all tools of that name; for names that only MCP servers know, of their tools.

    Args:
        agent: A durable agent; all that it can reach is counted too.
    """
    reached = _reachable(agent)
    tools = [tool for one in reached for tool in one.tools if isinstance(tool, FunctionTool)]
    most: dict[str, int] = {}
    for tool in tools:
        most[tool.name] = max(most.get(tool.name, 0), steps_around(tool))
    for local in (tool for one in reached for tool in one.tools):
        for name in kinds_of(local):
            most[name] = max(most.get(name, 0), steps_around_local(local))
    servers = [server for one in reached for server in one.mcp_servers]
    unknown = max((_steps_around_mcp(server) for server in servers), default=0)
    return lambda name: most.get(name, unknown)


def _steps_around_mcp(server: MCPServer) -> int:
    before, after = server.tool_input_guardrails or [], server.tool_output_guardrails or []
    return 1 + 2 * len(before) + len(after)


def _reachable(start: Agent[Any]) -> list[Agent[Any]]:
    found: dict[int, Agent[Any]] = {}
    waiting = [start]
    while waiting:
        one = waiting.pop()
        if id(one) in found:
            continue
        found[id(one)] = one
        waiting += [agent for agent in map(_target, one.handoffs) if agent is not None]
        nested = [tool._agent_instance for tool in one.tools if isinstance(tool, FunctionTool)]
        waiting += [agent for agent in nested if isinstance(agent, Agent)]
    return list(found.values())


def _target(handoff: Agent[Any] | Handoff[Any, Any]) -> Agent[Any] | None:
    """The agent that a handoff leads to, if it is known beforehand."""
    if isinstance(handoff, Agent):
        return handoff
    found = handoff._agent_ref() if handoff._agent_ref is not None else None
    return found if isinstance(found, Agent) else None


def _tool_errors(own: Callable[[Any], Any] | None) -> Callable[[ToolErrorFormatterArgs[Any]], Any]:
    async def told(args: ToolErrorFormatterArgs[Any]) -> str | None:
        ours = remember_tool_error(args)
        theirs: str | None = None if own is None else await plainly(partial(own, args))
        words = ours if theirs is None else theirs
        leave_row(args, words)
        return words

    return told


def _without_tries(settings: ModelSettings | None) -> ModelSettings | None:
    """Settings without what would make the SDK end or repeat a call around its step."""
    return None if settings is None else replace(settings, timeout=None, retry=None)


class _Graph:
    """Copies of agents by the identity of the originals, under one run configuration.

    Args:
        config: The configuration under which these agents run.
        others: Graphs under other configurations, by theirs: of agents used as tools.
    """

    def __init__(self, config: RunConfig, others: dict[int, _Graph]) -> None:
        self._config = config
        self._others = others
        self._made: dict[int, Agent[Any]] = {}
        # Alive as long as their identities are in use.
        self._originals: list[Agent[Any]] = []

    def agent(self, plain: Agent[Any]) -> Agent[Any]:
        """The durable copy of an agent."""
        if isinstance(plain, DurableAgent):
            return plain
        if (found := self._made.get(id(plain))) is not None:
            return found
        made = self._made[id(plain)] = _empty_copy(plain)
        self._originals.append(plain)
        name = plain.name
        made.instructions = durable_instructions(plain.instructions, name)
        made.prompt = durable_prompt(plain.prompt, name)
        made.model, made.model_settings = self._model(plain)
        made.mcp_servers = [DurableMCPServer(server) for server in plain.mcp_servers]
        made.input_guardrails = [durable_input_guardrail(g) for g in plain.input_guardrails]
        made.output_guardrails = [durable_output_guardrail(g) for g in plain.output_guardrails]
        made.tool_use_behavior = _tool_use(plain)
        made.handoffs = [self._handoff(name, target) for target in plain.handoffs]
        made.tools = [self._tool(name, tool) for tool in plain.tools]
        return made

    def _model(self, plain: Agent[Any]) -> tuple[Model, ModelSettings]:
        chosen = plain.model if self._config.model is None else self._config.model
        settings = plain.model_settings
        if self._config.model is not None and settings == _implicit(plain.model):
            settings = _implicit(self._config.model)
        timeout = settings.resolve(self._config.model_settings).timeout
        bare = _without_tries(settings) or settings
        if isinstance(chosen, Model):
            name = str(getattr(chosen, "model", type(chosen).__name__))
            return DurableModel(name, plain.name, chosen, timeout), bare
        name = chosen or get_default_model()
        provider = self._config.model_provider
        own = None if type(provider) is MultiProvider else provider.get_model(name)
        return DurableModel(name, plain.name, own, timeout), bare

    def _handoff(
        self, agent: str, target: Agent[Any] | Handoff[Any, Any]
    ) -> Agent[Any] | Handoff[Any, Any]:
        if isinstance(target, Agent):
            return self.agent(target)
        made = copy.copy(target)
        what = f"handoff {target.tool_name} of agent {agent}"
        made.is_enabled = durable_flag(target.is_enabled, f"is_enabled of {what}")
        keep_input_type(made, target)
        known = _target(target)
        durable = None if known is None else self.agent(known)

        async def invoke(context: RunContextWrapper[Any], arguments: str) -> Any:
            scope = durable_scope()
            if scope is None or durable is None or scope.handoff_call not in scope.steps:
                return self.agent(await target.on_invoke_handoff(context, arguments))

            check_arguments(made, arguments)
            scope.answer_used = True

            async def taken() -> None:
                await target.on_invoke_handoff(context, arguments)

            ids = StepIds([scope.steps.pop(scope.handoff_call)])
            await as_step(scope, ids, what, taken)
            return durable

        made.on_invoke_handoff = invoke
        if durable is not None:
            made._agent_ref = weakref.ref(durable)
        return made

    def _tool(self, agent: str, tool: Tool) -> Tool:
        if isinstance(tool, FunctionTool):
            made = self._agent_tool(agent, tool) if tool._is_agent_tool else _tool(tool, agent)
            return _with_guardrails(made, tool, agent)
        if isinstance(tool, _LOCAL_TOOLS):
            return durable_local_tool(tool, agent)
        return _hosted_mcp(tool, agent) if isinstance(tool, HostedMCPTool) else tool

    def _agent_tool(self, agent: str, tool: FunctionTool) -> FunctionTool:
        nested, own = tool._agent_instance, own_run_config(tool)
        if not isinstance(nested, Agent):
            raise NotDurable(f"tool {tool.name!r} of agent {agent!r} runs no agent that is known")
        if own is None:
            return durable_agent_tool(tool, agent=agent, nested=self.agent(nested))
        graph = self._others.setdefault(id(own), _Graph(own, self._others))
        config = durable_run_config(own, own.workflow_name)
        return durable_agent_tool(tool, agent=agent, nested=graph.agent(nested), run_config=config)


def _empty_copy(plain: Agent[Any]) -> Agent[Any]:
    kind = type(plain)
    durable = DurableAgent if kind is Agent else type(kind.__name__, (DurableAgent, kind), {})
    made: Agent[Any] = object.__new__(durable)
    made.__dict__.update(plain.__dict__)
    return made


def _implicit(model: str | Model | None) -> ModelSettings:
    """The settings that the SDK gives an agent with this model where its author gave none."""
    if model is None:
        return get_default_model_settings()
    return get_default_model_settings(model) if isinstance(model, str) else ModelSettings()


def _tool(tool: FunctionTool, agent: str) -> FunctionTool:
    asks = tool.needs_approval is not False
    said = options_of(tool).idempotent
    return durable_tool(
        tool, agent=agent, needs_approval=None, idempotent=not asks if said is None else said
    )


def _hosted_mcp(tool: HostedMCPTool, agent: str) -> HostedMCPTool:
    """A server that the provider calls; who may decide on its calls is asked once."""
    decide = tool.on_approval_request
    if decide is None:
        return tool

    async def decided(request: MCPToolApprovalRequest) -> Any:
        scope = durable_scope()
        if scope is None:
            return await plainly(lambda: decide(request))
        ids = StepIds([scope.steps.pop(request.data.id)])
        what = f"on_approval_request of agent {agent}"
        return await as_step(scope, ids, what, lambda: decide(request))

    made = copy.copy(tool)
    made.on_approval_request = decided
    return made


def _mcp_tool(tool: Tool, agent: str) -> Tool:
    if not isinstance(tool, FunctionTool):
        return tool
    made = durable_tool(tool, agent=agent, needs_approval=None, idempotent=_mcp_idempotent(tool))
    return _with_guardrails(made, tool, agent)


def _mcp_idempotent(tool: FunctionTool) -> bool:
    """Whether a call may be repeated: as its server says, else unless it asks for approval."""
    said = may_repeat(tool._mcp_annotations)
    return tool.needs_approval is False if said is None else said


def _with_guardrails(made: FunctionTool, tool: FunctionTool, agent: str) -> FunctionTool:
    before, after = tool.tool_input_guardrails or [], tool.tool_output_guardrails or []
    made.tool_input_guardrails = [durable_tool_input_guardrail(g) for g in before] or None
    made.tool_output_guardrails = [durable_tool_output_guardrail(g) for g in after] or None
    what = f"is_enabled of tool {tool.name} of agent {agent}"
    made.is_enabled = durable_flag(tool.is_enabled, what)
    return made


def _tool_use(plain: Agent[Any]) -> Any:
    """The agent's `tool_use_behavior`; a function of the author is asked once per turn."""
    behavior = plain.tool_use_behavior
    if not callable(behavior):
        return behavior
    decide: Callable[..., Any] = behavior

    async def decided(context: Any, results: Any) -> ToolsToFinalOutputResult:
        scope = durable_scope()
        if scope is None:
            plain_result: ToolsToFinalOutputResult = await plainly(lambda: decide(context, results))
            return plain_result

        async def ask() -> dict[str, Any]:
            said = await plainly(lambda: decide(context, results))
            return {"is_final": bool(said.is_final_output), "output": as_json(said.final_output)}

        what = f"tool_use_behavior of agent {plain.name}"
        said = await as_step(scope, scope.ids, what, ask)
        return ToolsToFinalOutputResult(said["is_final"], _typed(plain, said["output"]))

    return decided


def _typed(plain: Agent[Any], output: Any) -> Any:
    """A final output as the agent's output type; what does not fit stays as it is."""
    kind = plain.output_type
    if output is None or kind is None or not isinstance(kind, type) or isinstance(output, kind):
        return output
    try:
        return TypeAdapter(kind).validate_python(output)
    except ValueError:
        return output
