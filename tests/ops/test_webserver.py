"""The web process: its log, and its end."""

from __future__ import annotations

import asyncio
import http.client
import logging
import signal
import socket
from typing import Any

import pytest
from daphne.http_protocol import WebRequest

from tests.stack import Stack
from workflows.supervision import webserver
from workflows.supervision.webserver import WebServer


def log(caplog: pytest.LogCaptureFixture, action: str = "complete", **details: Any) -> str:
    said = {"method": "GET", "path": "/runs/", "status": 200, "time_taken": 0.0123} | details
    protocol = "http" if action == "complete" else "websocket"
    with caplog.at_level(logging.INFO, logger="timestep.web"):
        webserver.log_access(protocol, action, said)
    return "\n".join(record.getMessage() for record in caplog.records)


def test_a_request_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    assert log(caplog) == "GET /runs/ 200 12 ms"


@pytest.mark.parametrize("path", ["/static/a.css", "/healthz", "/readyz"])
def test_what_nobody_asked_for_is_quiet(caplog: pytest.LogCaptureFixture, path: str) -> None:
    assert log(caplog, path=path) == ""


@pytest.mark.parametrize("path", ["/\n2026 ERROR fake", b"/\xff\x1b[2J", "/" + "x" * 5000])
def test_a_path_cannot_fake_a_line(caplog: pytest.LogCaptureFixture, path: str | bytes) -> None:
    said = log(caplog, path=path)
    assert said.isprintable()
    assert len(said) < 300


@pytest.mark.parametrize(("action", "lines"), [("connected", 0), ("rejected", 1)])
def test_only_refused_websockets_are_told(
    caplog: pytest.LogCaptureFixture, action: str, lines: int
) -> None:
    log(caplog, action)
    assert len(caplog.records) == lines


@pytest.fixture
def web(stack: Stack) -> Stack:
    stack.manage("migrate", "-v0", "--without-engine")
    stack.start("web")
    stack.wait_for_log("web", "serving on")
    stack.wait_answering()
    return stack


@pytest.mark.sqlite_only
def test_it_stops_with_open_connections(web: Stack) -> None:
    with socket.create_connection(("127.0.0.1", web.port)) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" in idle.recv(4096)
        assert web.kill("web", signal.SIGTERM) == 0
    assert "Traceback" not in web.log("web")


async def test_requests_in_flight_are_answered_and_sockets_are_not_waited_for() -> None:
    server = WebServer(application=None, endpoints=["none"])
    answering = asyncio.ensure_future(asyncio.sleep(0.1, "answered"))
    watching = asyncio.ensure_future(asyncio.sleep(60))
    server.connections = {
        WebRequest.__new__(WebRequest): {"application_instance": answering},
        object(): {"application_instance": watching},
        "an idle connection": {},
    }
    await server._finish()
    assert answering.result() == "answered"
    assert watching.cancelled()


@pytest.mark.sqlite_only
def test_an_unknown_host_is_refused(web: Stack) -> None:
    asking = http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)
    asking.request("GET", "/", headers={"Host": "evil.example.com"})
    assert asking.getresponse().status == 400
    asking.close()
