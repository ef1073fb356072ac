"""MCP servers in a run: listed once as a step, connected when they are first needed."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any

from agents.mcp import MCPServer
from agents.mcp.server import _MCPServerWithClientSession

from timestep.engine.execution import current_scope, durable_scope

if TYPE_CHECKING:
    from mcp.types import CallToolResult, GetPromptResult, ListPromptsResult, Tool

CONNECT_AGAIN_AFTER_S = (0.5, 2.0, 6.0)
# The code with which the protocol's library answers for a server that is gone.
_CONNECTION_CLOSED = -32000
_CLOSED_WITHIN_S = 10.0
# What a server needs of the object that wraps it, beside its operations.
_POLICIES = (
    "use_structured_content",
    "_needs_approval_policy",
    "_failure_error_function",
    "tool_meta_resolver",
    "custom_data_extractor",
    "tool_input_guardrails",
    "tool_output_guardrails",
)


class DurableMCPServer(MCPServer):
    """An MCP server whose list of tools is a step of the run.

    Its calls are made by durable tools, inside their steps. Each execution of a run has a
    connection of its own, made when a step first needs it: a replay of a finished run needs none.

    Args:
        server: The server as the agent's author made it; it is not connected or changed.
    """

    def __init__(self, server: MCPServer) -> None:
        self._server = server
        self._repeatable: set[str] = set()
        for name in _POLICIES:
            setattr(self, name, getattr(server, name))

    @property
    def name(self) -> str:
        """The server's name."""
        return self._server.name

    async def connect(self) -> None:
        """Do nothing: each execution connects when it needs to."""

    async def cleanup(self) -> None:
        """Do nothing: `mcp_connections` closes what was opened."""

    async def list_tools(self, run_context: Any = None, agent: Any = None) -> list[Tool]:
        """The server's tools, asked for once per run and agent."""
        from mcp.types import Tool  # noqa: PLC0415 - costs half a second, for runs without MCP too

        scope = durable_scope()
        if scope is None:
            return await self._listed(run_context, agent)
        key = (id(self), agent.name if agent is not None else "")
        if key not in scope.mcp_tools:
            reservation = scope.ids.take()

            async def body() -> dict[str, Any]:
                try:
                    tools = await self._listed(run_context, agent)
                except Exception as error:
                    what = f"MCP server {self._error_name}"
                    await scope.execution.fail(what, reservation.step_id, error)
                    raise
                dumped = [tool.model_dump(mode="json", by_alias=True) for tool in tools]
                return {"tools": dumped}

            recorded = await reservation.run_async({"name": "mcp"}, body)
            scope.mcp_tools[key] = recorded["tools"]
        tools = [Tool.model_validate(tool) for tool in scope.mcp_tools[key]]
        self._repeatable |= {tool.name for tool in tools if may_repeat(tool.annotations)}
        return tools

    async def _listed(self, run_context: Any, agent: Any) -> list[Tool]:
        for again in (True, False):
            server = await self._connected()
            try:
                return await server.list_tools(run_context, agent)
            except Exception:
                _forget(self._server)
                if not again:
                    raise
        raise AssertionError("the last try returns or raises")

    async def call_tool(
        self, tool_name: str, arguments: dict[str, Any] | None, meta: dict[str, Any] | None = None
    ) -> CallToolResult:
        """Call a tool; made by a durable tool, inside its step."""
        given = {} if meta is None else {"meta": meta}
        for again in (tool_name in self._repeatable, False):
            server = await self._alive(surely=tool_name not in self._repeatable)
            await _keep_lease()
            try:
                return await server.call_tool(tool_name, arguments, **given)
            except Exception as error:
                if not _is_closed(error):
                    raise
                _forget(self._server)
                if not again:
                    raise
        raise AssertionError("the last try returns or raises")

    async def _alive(self, *, surely: bool) -> MCPServer:
        """The connected server; where `surely`, after it has answered.

        Of a call that fails nobody knows if it was made. So what must not be repeated is not sent
        over a connection that may have broken since it was last used.
        """
        server = await self._connected()
        session = getattr(server, "session", None)
        if not surely or session is None:
            return server
        try:
            await session.send_ping()
        except Exception as error:  # noqa: BLE001 - any other answer shows that it is there
            if _is_closed(error):
                _forget(self._server)
                return await self._connected()
        return server

    async def _connected(self) -> MCPServer:
        """The server, connected now or before; it may need a moment to come up again."""
        for wait in CONNECT_AGAIN_AFTER_S:
            try:
                return await _connected(self._server)
            except Exception:  # noqa: BLE001 - whatever the transport raises
                _forget(self._server)
                await asyncio.sleep(wait)
        return await _connected(self._server)

    async def list_prompts(self) -> ListPromptsResult:
        """The server's prompts."""
        return await (await _connected(self._server)).list_prompts()

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None
    ) -> GetPromptResult:
        """A prompt of the server."""
        return await (await _connected(self._server)).get_prompt(name, arguments)


def may_repeat(hints: Any) -> bool | None:
    """Whether a server says that a call of a tool may be repeated; None where it says nothing.

    Args:
        hints: The tool's annotations.
    """
    if hints is None:
        return None
    says: bool | None = hints.idempotent_hint
    return hints.read_only_hint if says is None else says


def _is_closed(error: Exception) -> bool:
    """Whether a request failed because nobody is at the other end any more."""
    return getattr(error, "code", None) == _CONNECTION_CLOSED


class _Connection:
    """A connection that one task opens and closes, as its library demands."""

    def __init__(self, server: MCPServer) -> None:
        self._server = _private(server)
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        # Without the run's context: the task outlives the step that happens to open it.
        self._task = asyncio.get_running_loop().create_task(self._own(), context=Context())

    async def server(self) -> MCPServer:
        """The connected server."""
        await asyncio.shield(self._ready)
        return self._server

    async def _own(self) -> None:
        try:
            await self._server.connect()  # type: ignore[no-untyped-call]
        except BaseException as error:  # noqa: BLE001 - handed to who waits for the connection
            if not self._ready.done():
                self._ready.set_exception(error)
                self._ready.exception()
            return
        _look_before_calls(self._server)
        self._ready.set_result(None)
        try:
            await self._over.wait()
        finally:
            await self._server.cleanup()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Close it, or give it up after a while."""
        self._over.set()
        if not self._ready.done():
            self._task.cancel()
        await asyncio.wait({self._task}, timeout=_CLOSED_WITHIN_S)
        self._task.cancel()


class _Connections:
    """The connections of one execution, by server."""

    def __init__(self) -> None:
        self._open: dict[int, _Connection] = {}

    async def of(self, server: MCPServer) -> MCPServer:
        """The server, connected."""
        found = self._open.get(id(server))
        if found is None:
            found = self._open[id(server)] = _Connection(server)
        return await found.server()

    def forget(self, server: MCPServer) -> None:
        """Close a connection that may be broken; the next operation makes a new one."""
        found = self._open.pop(id(server), None)
        if found is not None:
            _in_background(found.close())

    def close(self) -> None:
        """Close all, without keeping the end of the run waiting."""
        for connection in self._open.values():
            _in_background(connection.close())
        self._open.clear()


_current: ContextVar[_Connections | None] = ContextVar("timestep_mcp", default=None)
_closing: set[asyncio.Task[None]] = set()


@asynccontextmanager
async def mcp_connections() -> AsyncIterator[None]:
    """Where an execution's MCP connections live; they are closed at its end."""
    mine = _Connections()
    token = _current.set(mine)
    try:
        yield
    finally:
        _current.reset(token)
        mine.close()


def _in_background(closing: Any) -> None:
    task = asyncio.get_running_loop().create_task(closing, context=Context())
    _closing.add(task)
    task.add_done_callback(_closing.discard)


async def _connected(server: MCPServer) -> MCPServer:
    connections = _current.get()
    return server if connections is None else await connections.of(server)


def _forget(server: MCPServer) -> None:
    connections = _current.get()
    if connections is not None:
        connections.forget(server)


async def _keep_lease() -> None:
    """Connecting takes as long as it likes, and so does the line behind other requests."""
    scope = current_scope.get()
    if scope is not None:
        await scope.execution.keep_lease()


def _look_before_calls(server: MCPServer) -> None:
    """Let the connected server's session look at the lease when a call's turn has come.

    Some transports send one request at a time: the SDK keeps the others in a line.
    """
    session: Any = getattr(server, "session", None)
    if not isinstance(server, _MCPServerWithClientSession) or session is None:
        return
    call = session.call_tool

    async def called(*args: Any, **kwargs: Any) -> Any:
        await _keep_lease()
        return await call(*args, **kwargs)

    session.call_tool = called


def _private(server: MCPServer) -> MCPServer:
    """A server of the same settings with a session of its own.

    The author's object may be connected on another event loop, or be used by several runs at once.
    A server of another kind than the SDK's is used as it is.
    """
    if not isinstance(server, _MCPServerWithClientSession):
        return server
    made = copy.copy(server)
    made.session = made.server_initialize_result = None
    made.exit_stack = AsyncExitStack()
    made._cleanup_lock, made._request_lock = asyncio.Lock(), asyncio.Lock()
    made._cache_dirty, made._tools_list = True, None
    made._get_session_id = made._v2_session_id = None
    return made
