"""What live needs of daphne and daphne has not: backpressure, close reasons, shared frames.

Twisted tells a registered producer when a connection's buffer is full (64 KiB) and when it is
empty again. Sending waits in between, so that a reader that does not read stops its own sender
and nothing else, and our queues, which are bounded, say when it is too slow.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

# First, because it installs the asyncio reactor before anything else can install another.
from daphne.server import Server  # isort: skip
from autobahn.websocket.types import ConnectionDeny
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from workflows.live.batches import Frame

# A close frame waits behind what is buffered: time for a reader to come back and see it.
CLOSE_HANDSHAKE_SECONDS = 30
# Left alone, the kernel takes megabytes for a reader that does not read.
KERNEL_BUFFER = 128 * 1024
_DENY: Any = ConnectionDeny  # autobahn's types are not complete
_HTTP_STATUS = {4400: 400, 4401: 401, 4403: 403, 4404: 404, 1013: 503}


@implementer(IPushProducer)
class LiveProtocol(WebSocketProtocol):  # type: ignore[misc]  # daphne has no types
    """One websocket connection; its own producer, as Twisted calls it."""

    def onOpen(self) -> None:  # noqa: N802 - autobahn's name
        """Take the place of the HTTP channel, which would stop reading when the buffer is full."""
        super().onOpen()
        self.closeHandshakeTimeout = CLOSE_HANDSHAKE_SECONDS
        self.transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)
        self._room = asyncio.Event()
        self._room.set()
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The buffer is full."""
        self._room.clear()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The buffer is empty."""
        self._room.set()
        if self.transport.disconnecting:
            self.transport.unregisterProducer()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The connection is lost."""
        self._room.set()

    async def has_room(self) -> None:
        """Wait until more may be sent."""
        if hasattr(self, "_room"):
            await self._room.wait()

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:  # noqa: N802
        """Write a frame that is ready as it is; leave the rest to daphne."""
        if self.state != self.STATE_OPEN:
            return
        if isinstance(content, Frame) and not self.send_queue:
            self.transport.write(content.wire)
            return
        super().serverSend(content, binary)

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Close with the code and reason given; before the handshake ended, with its status."""
        if message.get("type") != "websocket.close":
            super().handle_reply(message)
        elif self.state == self.STATE_CONNECTING:
            self._deny(message)
        elif self.state == self.STATE_OPEN:
            self.transport.unregisterProducer()
            reason = str(message.get("reason") or "").encode()[:123]
            self.sendCloseFrame(code=message.get("code") or 1000, reasonUtf8=reason)

    def _deny(self, message: dict[str, Any]) -> None:
        """Let daphne refuse the handshake, which it does with 403 only, with our status."""
        status = _HTTP_STATUS.get(message.get("code") or 0, 403)
        denial: Any = _DENY(code=status, reason=message.get("reason") or "refused")
        self.handshake_deferred: Any = _Denial(self.handshake_deferred, denial)
        self.serverReject()


class _Denial:
    """Stands for the handshake while daphne refuses it."""

    def __init__(self, handshake: Any, denial: Exception) -> None:
        self._handshake = handshake
        self._denial = denial

    def errback(self, _: object) -> None:
        """Refuse with our status in place of daphne's."""
        self._handshake.errback(self._denial)


class LiveServer(Server):  # type: ignore[misc]  # daphne has no types
    """Daphne's server with `LiveProtocol` for websockets."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._then = kwargs.pop("ready_callable", None)
        super().__init__(*args, ready_callable=self._ready, **kwargs)

    def _ready(self) -> None:
        self.ws_factory.protocol = LiveProtocol
        if self._then is not None:
            self._then()

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Send a message once the connection has room for it."""
        if message["type"] == "websocket.send" and isinstance(protocol, LiveProtocol):
            await protocol.has_room()
        await super().handle_reply(protocol, message)
