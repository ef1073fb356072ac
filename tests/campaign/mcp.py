"""MCP servers of the tests, and agents that use them."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from agents import Agent
from agents.mcp import MCPServer, MCPServerStdio, MCPServerStreamableHttp

from tests.campaign.installation import Installation
from tests.stack import ROOT

MODULE = "tests.campaign.mcp_server"


def stdio(engine: Installation, **options: Any) -> MCPServer:
    """A server that each execution starts for itself."""
    words = ["-m", MODULE, "--journal", str(engine.journal_path)]
    params: Any = {"command": sys.executable, "args": words, "cwd": str(ROOT)}
    return MCPServerStdio(params=params, name="files", **options)


def http(engine: Installation, **options: Any) -> MCPServer:
    """A server that `served` starts."""
    return MCPServerStreamableHttp(params={"url": f"{engine.mcp_url}mcp"}, name="web", **options)


def start(engine: Installation) -> subprocess.Popen[bytes]:
    """Start the server over HTTP and wait until it answers."""
    port = engine.mcp_url.rstrip("/").rpartition(":")[2]
    words = [sys.executable, "-m", MODULE, "--journal", str(engine.journal_path), "--port", port]
    with (engine.stack.home / "mcp.log").open("ab") as log:
        process = subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=log)
    deadline = time.monotonic() + 30
    while not _answers(engine.mcp_url):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return process


@contextmanager
def served(engine: Installation) -> Iterator[subprocess.Popen[bytes]]:
    """The server over HTTP, for a while."""
    process = start(engine)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def user(name: str, *servers: MCPServer, **fields: Any) -> Agent[Any]:
    """An agent that uses these servers."""
    return Agent(name=name, model="test-model", mcp_servers=list(servers), **fields)
