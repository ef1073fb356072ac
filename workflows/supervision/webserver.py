"""The web process: daphne, with a quiet access log and an end that lets answers finish."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

# First, because it installs the asyncio reactor before anything else can install another.
from workflows.live.server import LiveServer  # isort: skip
from daphne.endpoints import build_endpoint_description_strings
from daphne.http_protocol import WebRequest
from twisted.internet import defer

from workflows.supervision.address import Address

logger = logging.getLogger("timestep.web")

HTTP_TIMEOUT_S = 60
PING_EVERY_S = 20
PING_ANSWER_WITHIN_S = 20
FINISH_WITHIN_S = 5
QUIET_PATHS = ("/static/", "/healthz", "/readyz")
LONGEST_PATH = 200


class WebServer(LiveServer):
    """The live server. When told to stop it accepts no more, and lets requests in flight finish."""

    failed = False

    def listen_error(self, failure: Any) -> None:
        """Say why there is nothing to listen on, and give up."""
        self.failed = True
        logger.critical("cannot listen: %s", failure.getErrorMessage())
        self.stop()

    def kill_all_applications(self) -> defer.Deferred[Any]:
        """Called by the reactor before it ends, which waits for the result."""
        return defer.Deferred.fromFuture(asyncio.ensure_future(self._finish()))

    async def _finish(self) -> None:
        for listener in self.listeners:
            listener.addCallback(lambda port: port.stopListening())
        running = {
            details["application_instance"]: isinstance(protocol, WebRequest)
            for protocol, details in self.connections.items()
            if "application_instance" in details
        }
        requests = [task for task, is_request in running.items() if is_request]
        if requests:
            await asyncio.wait(requests, timeout=FINISH_WITHIN_S)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def log_access(protocol: str, action: str, details: dict[str, Any]) -> None:
    """One line per request that a person made; websockets only where they were refused."""
    path = _printable(details.get("path", ""))
    if protocol == "http" and action == "complete" and not path.startswith(QUIET_PATHS):
        taken_ms = round(1000 * (details.get("time_taken") or 0))
        logger.info("%s %s %s %d ms", details["method"], path, details["status"], taken_ms)
    elif protocol == "websocket" and action == "rejected":
        logger.info("websocket refused %s", path)


def _printable(path: str | bytes) -> str:
    """The path without what could move a terminal's cursor or fake a line of the log."""
    text = path.decode(errors="replace") if isinstance(path, bytes) else path
    return text[:LONGEST_PATH].encode("unicode_escape").decode("ascii")


def serve(application: Any, address: Address, *, trust_proxy: bool) -> bool:
    """Serve until told to stop. False when it could not listen."""
    server = WebServer(
        application,
        endpoints=build_endpoint_description_strings(host=address.host, port=address.port),
        action_logger=log_access,
        http_timeout=HTTP_TIMEOUT_S,
        ping_interval=PING_EVERY_S,
        ping_timeout=PING_ANSWER_WITHIN_S,
        websocket_timeout=-1,
        server_name="timestep",
        proxy_forwarded_address_header="X-Forwarded-For" if trust_proxy else None,
        proxy_forwarded_proto_header="X-Forwarded-Proto" if trust_proxy else None,
    )
    server.run()
    return not server.failed and not server.abort_start
