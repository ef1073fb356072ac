"""Computers that a model works at: each of its calls is one checkpointed step of the run."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

from agents import AsyncComputer, Computer, ComputerProvider, ComputerTool
from agents.run_internal.tool_actions import ComputerAction
from agents.tool import resolve_computer
from openai.types.responses import ResponseComputerToolCall

from timestep.engine.durable_functions import as_step, plainly
from timestep.engine.durable_tools import CallFacts, ToolStep
from timestep.engine.execution import Scope, durable_scope
from timestep.engine.local_calls import COMPUTER, LocalCall
from timestep.errors import TimestepError
from timestep.tools import options_of


class ComputerCallRefused(TimestepError):
    """A policy does not let a call at a computer be made; the model cannot be told so."""


def durable_computer_tool(tool: ComputerTool[Any], agent: str) -> ComputerTool[Any]:
    """A copy of a tool whose calls at its computer are steps of the run.

    Args:
        tool: The tool; each execution of a run makes its computer as the tool says.
        agent: Name of the agent that uses it.
    """

    async def create(*, run_context: Any) -> DurableComputer:
        # The SDK ends this one with the run, too: it was made for the same context.
        plain = await resolve_computer(tool=tool, run_context=run_context)
        return DurableComputer(plain, tool.name, agent)

    check = tool.on_safety_check
    made = copy.copy(tool)
    made.computer = ComputerProvider(create=create)
    made.on_safety_check = None if check is None else _checked_once(check, agent)
    made.__post_init__()  # The SDK keeps beside each tool how its computer is made.
    return made


def _checked_once(check: Callable[..., Any], agent: str) -> Callable[..., Any]:
    async def checked(data: Any) -> bool:
        async def ask() -> bool:
            return bool(await plainly(lambda: check(data)))

        scope = durable_scope()
        if scope is None:
            return await ask()
        ids, what = scope.around[data.tool_call.call_id], f"on_safety_check of agent {agent}"
        return bool(await as_step(scope, ids, what, ask))

    return checked


class DurableComputer(AsyncComputer):
    """A computer at which the first action of a call makes all of them, in one step.

    The SDK goes through the actions of a call and does not say which call it is. It makes the
    calls of a response one after the other, so it is the first that has not been made.

    Args:
        plain: The computer itself.
        tool: Name of its tool.
        agent: Name of the agent that uses it.
    """

    def __init__(self, plain: Computer | AsyncComputer, tool: str, agent: str) -> None:
        self.plain = plain
        self._tool = tool
        self._agent = agent
        self._idempotent = options_of(plain).idempotent is True
        self._left = 0
        self._screenshot = ""

    @property
    def environment(self) -> Any:
        """The kind of computer."""
        return self.plain.environment

    @property
    def dimensions(self) -> Any:
        """The size of its screen."""
        return self.plain.dimensions

    async def screenshot(self) -> str:
        """What its screen shows."""
        return cast("str", await self._do("screenshot"))

    async def click(
        self, x: int, y: int, button: Any = "left", *, keys: list[str] | None = None
    ) -> None:
        """Click."""
        await self._do("click", x, y, button, keys=keys)

    async def double_click(self, x: int, y: int, *, keys: list[str] | None = None) -> None:
        """Click twice."""
        await self._do("double_click", x, y, keys=keys)

    async def scroll(
        self, x: int, y: int, scroll_x: int, scroll_y: int, *, keys: list[str] | None = None
    ) -> None:
        """Scroll."""
        await self._do("scroll", x, y, scroll_x, scroll_y, keys=keys)

    async def type(self, text: str) -> None:
        """Type a text."""
        await self._do("type", text)

    async def wait(self) -> None:
        """Wait a little."""
        await self._do("wait")

    async def move(self, x: int, y: int, *, keys: list[str] | None = None) -> None:
        """Move the pointer."""
        await self._do("move", x, y, keys=keys)

    async def keypress(self, keys: list[str]) -> None:
        """Press keys."""
        await self._do("keypress", keys)

    async def drag(self, path: list[tuple[int, int]], *, keys: list[str] | None = None) -> None:
        """Drag along a path."""
        await self._do("drag", path, keys=keys)

    async def _do(self, action: str, *given: Any, keys: list[str] | None = None) -> Any:
        scope = durable_scope()
        if scope is None:
            work = getattr(self.plain, action)
            named = {} if keys is None else {"keys": keys}
            return await plainly(lambda: work(*given, **named))
        if not self._left:
            await self._make_next(scope)
        self._left -= 1
        return self._screenshot

    async def _make_next(self, scope: Scope) -> None:
        call = next(c for c in scope.local_calls.values() if _waits(scope, c))
        asked = ResponseComputerToolCall.model_validate(call.item)
        if (verdict := scope.verdicts.get(call.call_id)) in ("ask", "deny"):
            refused = ComputerCallRefused(
                "a policy denies the call"
                if verdict == "deny"
                else "a policy wants a person to decide on the call, which it cannot wait for"
            )
            await scope.execution.fail(f"tool {self._tool}", None, refused)
            raise refused
        step = ToolStep(
            scope,
            CallFacts(call.call_id, self._tool, self._agent, call.arguments),
            lambda: ComputerAction._execute_action_and_capture(self.plain, asked),
            # The model must see what has become of it, not a person's words.
            once_happened=lambda: plainly(self.plain.screenshot),
            shown=lambda output: f"a screenshot of {len(output or '')} characters",
        )
        self._screenshot = await step.output(idempotent=self._idempotent)
        self._left = _count(asked)


def _waits(scope: Scope, call: LocalCall) -> bool:
    return call.kind == COMPUTER and call.call_id in scope.steps


def _count(call: ResponseComputerToolCall) -> int:
    """How often the SDK asks for something in a call: it ends with a screenshot."""
    actions = ComputerAction._iter_actions(call)
    ends_so = bool(actions) and actions[-1].type == "screenshot"
    return len(actions) + (0 if ends_so else 1)
