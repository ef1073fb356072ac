"""A real MCP server for the tests, over stdio or streamable HTTP.

    python -m tests.campaign.mcp_server --journal FILE [--port 8123]

Its tools note their calls in the journal, under the call's tag.
"""

from __future__ import annotations

import argparse
import asyncio
import os

from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

from tests.campaign.journal import VARIABLE, note
from tests.campaign.tools import once_only

server = MCPServer("campaign", log_level="CRITICAL")
READ_ONLY = ToolAnnotations(read_only_hint=True)
ONCE = ToolAnnotations(read_only_hint=False, idempotent_hint=False)


async def _noted(tool: str, tag: str, seconds: float) -> str:
    note(tag, tool, "start")
    await asyncio.sleep(seconds)
    note(tag, tool, "end")
    return f"{tool}:{tag}"


@server.tool(annotations=READ_ONLY)
async def look(tag: str, seconds: float) -> str:
    """Look at something."""
    return await _noted("look", tag, seconds)


@server.tool(annotations=ONCE)
async def change(tag: str, seconds: float) -> str:
    """Change something; must not be repeated."""
    return await _noted("change", tag, seconds)


@server.tool(annotations=READ_ONLY)
async def crash(tag: str) -> str:
    """Take the server down, the first time."""
    note(tag, "crash", "start")
    if once_only(f"crash-{tag}"):
        os._exit(1)
    return f"crash:{tag}"


@server.tool(annotations=ONCE)
async def crash_changing(tag: str) -> str:
    """Take the server down in the middle of what must not be repeated."""
    note(tag, "crash_changing", "start")
    if once_only(f"crash-{tag}"):
        os._exit(1)
    return f"crash_changing:{tag}"


@server.tool(annotations=READ_ONLY)
async def fail(tag: str) -> str:
    """Fail."""
    note(tag, "fail", "start")
    raise ValueError(f"nothing for {tag}")


def main() -> None:
    """Serve until told to stop, or until nobody is at the other end."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.mcp_server")
    parser.add_argument("--journal", required=True)
    parser.add_argument("--port", type=int)
    given = parser.parse_args()
    os.environ[VARIABLE] = given.journal
    if given.port is None:
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=given.port)


if __name__ == "__main__":
    main()
