"""The server: plain asyncio, HTTP/1.1 with keep-alive and chunked event streams."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from tests.fake_openai import conversations, wire
from tests.fake_openai.script import Answer, Json, Position, answer, position

_PIECE = 256 * 1024
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests"}


class ClientGone(Exception):
    """The client closed its connection before the answer was whole."""


class Cut(Exception):
    """The script breaks the connection here."""


@dataclass
class Request:
    """One request to a model, and what became of it."""

    n: int
    at: float
    path: str
    model: str
    stream: bool
    conversation: str
    turn: int
    input: str
    authorized: bool
    body: Json = field(repr=False)
    outcome: str = "open"
    ended_at: float | None = None

    def as_json(self, bodies: bool) -> Json:
        data = asdict(self)
        if not bodies:
            del data["body"]
        return data


class FakeOpenAI:
    """The double. See the package's docstring for the script."""

    def __init__(self, script: Json | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self.script: Json = script or {}
        self.requests: list[Request] = []
        self.connections = 0
        self.conversations = conversations.Conversations()
        self._host, self._port = host, port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The base URL for clients."""
        return f"http://{self._host}:{self._port}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def counts(self) -> dict[str, Json]:
        """How often each turn was asked for, and answered whole."""
        asked = Counter((r.conversation, r.turn, r.input) for r in self.requests)
        whole = Counter(
            (r.conversation, r.turn, r.input) for r in self.requests if r.outcome == "answered"
        )
        return {
            f"{key[0]}.{key[1]}": {"asked": n, "answered": whole[key], "input": key[2]}
            for key, n in asked.items()
        }

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await Connection(self, reader, writer).serve()
        except (ConnectionError, asyncio.IncompleteReadError, Cut, ClientGone):
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    def record(self, path: str, body: Json, at: Position, authorized: bool) -> Request:
        """Note a request, before it is answered."""
        request = Request(
            n=len(self.requests) + 1,
            at=time.time(),
            path=path,
            model=at.model,
            stream=bool(body.get("stream")),
            conversation=at.conversation,
            turn=at.turn,
            input=at.user[:200],
            authorized=authorized,
            body=body,
        )
        self.requests.append(request)
        return request

    def fault(self, request: Request, planned: Answer) -> Json | None:
        """The fault that the script has for this request."""
        overall = self.script.get("faults", [])
        if request.n <= len(overall) and overall[request.n - 1]:
            chosen: Json = overall[request.n - 1]
            return chosen
        key = (request.conversation, request.turn)
        before = sum(1 for r in self.requests[:-1] if (r.conversation, r.turn) == key)
        return planned.faults[before] if before < len(planned.faults) else None

    def control(self, path: str, body: Json) -> Json:
        """Answer what tests ask of the double itself."""
        if path == "/_script":
            self.script = body
        elif path == "/_reset":
            self.requests.clear()
        elif path == "/_counts":
            return self.counts()
        elif path == "/_conversations":
            return self.conversations.items
        bodies = path.endswith("?bodies=1")
        return {
            "total": len(self.requests),
            "requests": [request.as_json(bodies) for request in self.requests],
        }


class Connection:
    """One client's connection."""

    def __init__(
        self, fake: FakeOpenAI, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._fake, self._reader, self._writer = fake, reader, writer
        self._ahead = b""

    async def serve(self) -> None:
        """Answer requests until the client closes."""
        while head := self._ahead + await self._reader.readline():
            self._ahead = b""
            method, path, _ = head.decode("latin-1").split(" ", 2)
            headers = {}
            while (line := (await self._reader.readline()).strip()) != b"":
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            raw = await self._reader.readexactly(int(headers.get("content-length", 0)))
            body = json.loads(raw) if raw else {}
            if path.startswith("/_"):
                await self._send(200, self._fake.control(path, body))
            elif path in ("/v1/responses", "/v1/chat/completions"):
                await self._model(path, body, bool(headers.get("authorization")))
            elif path.startswith(conversations.PREFIX):
                await self._conversation(method, path, body)
            else:
                await self._send(404, {"error": {"message": f"no such path: {path}"}})

    async def _conversation(self, method: str, path: str, body: Json) -> None:
        kept = self._fake.conversations
        status, answered = kept.answer(method, path, body)
        if method == "POST" and kept.lose:
            kept.lose -= 1
            raise Cut("the answer is lost")
        await self._send(status, answered)

    async def _model(self, path: str, body: Json, authorized: bool) -> None:
        at = position(body)
        planned = answer(self._fake.script, at)
        request = self._fake.record(path, body, at, authorized)
        fault = self._fake.fault(request, planned)
        gone = asyncio.ensure_future(self._reader.read(1))
        request.outcome = "client_gone"
        try:
            await self._pause(planned.delay + (fault or {}).get("delay", 0.0), gone)
            request.outcome = await self._answer(request, planned, fault, gone)
        except Cut as cut:
            request.outcome = f"fault:{cut}"
            raise
        finally:
            request.ended_at = time.time()
            gone.cancel()
            await asyncio.wait({gone})
        if not gone.cancelled():
            # The client was quick: the first byte of its next request was read already.
            self._ahead = gone.result()

    async def _answer(
        self, request: Request, planned: Answer, fault: Json | None, gone: asyncio.Future[bytes]
    ) -> str:
        if fault and "status" in fault:
            await self._send(fault["status"], _error(fault), fault.get("headers"))
            return f"fault:{fault['status']}"
        if request.stream:
            return await self._stream(request, planned, fault, gone)
        await self._pause(planned.token_delay * len(planned.tokens), gone)
        await self._send(200, _whole(request, planned))
        return "answered"

    async def _stream(
        self, request: Request, planned: Answer, fault: Json | None, gone: asyncio.Future[bytes]
    ) -> str:
        self._writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
            b"x-request-id: req_%d\r\n\r\n" % request.n
        )
        tokens = 0
        if planned.flood:
            return await self._flood(request, planned, gone)
        for event in _events(request, planned):
            if fault and _is_token(event) and tokens >= fault.get("after", 0):
                return await self._break(request, planned, fault, gone)
            if _is_token(event):
                tokens += 1
                await self._pause(planned.token_delay, gone)
            await self._chunk(_sse(event), gone)
        if fault:
            return await self._break(request, planned, fault, gone)
        await self._chunk(b"data: [DONE]\n\n" if "chat" in request.path else b"", gone)
        await self._end()
        return "answered"

    async def _flood(self, request: Request, planned: Answer, gone: asyncio.Future[bytes]) -> str:
        """All events at once, in pieces as large as a network's buffers."""
        piece = bytearray()
        for event in _events(request, planned):
            piece += _sse(event)
            if len(piece) > _PIECE:
                await self._chunk(bytes(piece), gone)
                piece.clear()
        await self._chunk(bytes(piece) + b"data: [DONE]\n\n", gone)
        await self._end()
        return "answered"

    async def _break(
        self, request: Request, planned: Answer, fault: Json, gone: asyncio.Future[bytes]
    ) -> str:
        how = fault["break"]
        if how in ("reset", "close"):
            self._writer.write(b"" if how == "reset" else b"ff\r\ndata: {")
            if how == "close":
                self._writer.close()
                await self._writer.wait_closed()
            raise Cut(how)
        if how == "hang":
            await self._pause(3600, gone)
        elif how == "half_event":
            await self._chunk(b'data: {"type": "response.output_text.de', gone)
            await self._chunk(b"\n\n", gone)
        elif how != "truncate":
            code, message = fault.get("code", "server_error"), fault.get("message", "it broke")
            event = wire.failure_event(how, planned, request.body, code, message)
            await self._chunk(_sse(event), gone)
        await self._end()
        return f"fault:{how}"

    async def _pause(self, seconds: float, gone: asyncio.Future[bytes]) -> None:
        """Wait, but not for a client that has left."""
        if seconds > 0:
            await asyncio.wait({gone}, timeout=seconds)
        if gone.done():
            raise ClientGone

    async def _chunk(self, data: bytes, gone: asyncio.Future[bytes]) -> None:
        if gone.done():
            raise ClientGone
        if data:
            self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await self._writer.drain()

    async def _end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def _send(self, status: int, body: Json, headers: Json | None = None) -> None:
        data = json.dumps(body).encode()
        lines = {"content-type": "application/json", "content-length": len(data), **(headers or {})}
        head = f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._writer.write(head.encode("latin-1") + b"\r\n" + data)
        await self._writer.drain()


def _error(fault: Json) -> Json:
    code = fault.get("code")
    kind = fault.get("type", "fake_error")
    message = fault.get("message", "the script says so")
    return {"error": {"message": message, "type": kind, "code": code, "param": None}}


def _whole(request: Request, planned: Answer) -> Json:
    if "chat" in request.path:
        return wire.chat_completion(planned, request.body)
    return wire.response(planned, request.body, "completed", wire.output_items(planned))


def _events(request: Request, planned: Answer) -> Iterator[Json]:
    make = wire.chat_events if "chat" in request.path else wire.responses_events
    return make(planned, request.body)


def _is_token(event: Json) -> bool:
    choices: list[Any] = event.get("choices") or [{}]
    return "delta" in event or bool(choices[0].get("delta", {}).get("content"))


def _sse(event: Json) -> bytes:
    head = f"event: {event['type']}\n" if "type" in event else ""
    return f"{head}data: {json.dumps(event)}\n\n".encode()
