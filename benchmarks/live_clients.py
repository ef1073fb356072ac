"""Readers and writers for the live benchmarks: as cheap as can be, so that the server is measured.

`python -m benchmarks.live_clients PLAN` writes tokens through a worker's own event writer, in a
process of its own; PLAN is the JSON of `WritePlan`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from tests.stack import Process, Stack


@dataclass
class WritePlan:
    """How many tokens to write, into which runs, how fast; only deltas are ever merged."""

    run_ids: list[str]
    per_second: float
    seconds: float
    kind: str = "model.delta"


class Reader(asyncio.Protocol):
    """One websocket that hands the payload of every text frame to a function."""

    def __init__(self, port: int, path: str, cookie: str, heard: Callable[[bytes], None]) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Cookie: sessionid={cookie}\r\n\r\n"
        )
        self._heard = heard
        self._buffer = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the websocket."""
        self.transport = transport
        self.transport.write(self._request.encode())

    def data_received(self, data: bytes) -> None:
        """Cut what came into frames; those of a server are not masked."""
        self._buffer += data
        if not self.opened.done():
            head, found, self._buffer = self._buffer.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return
            assert b" 101 " in head.splitlines()[0], head
            self.opened.set_result(None)
        start = 0
        while (frame := _frame(self._buffer, start)) is not None:
            opcode, payload, start = frame
            self._take(opcode, payload)
        self._buffer = self._buffer[start:]

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == 0x1:
            self._heard(payload)
        elif opcode == 0x9:
            self.write(0xA, payload)
        elif opcode == 0x8:
            raise ConnectionError(f"closed by the server: {payload!r}")

    def write(self, opcode: int, payload: bytes) -> None:
        """Send a short frame, with a mask of zeros."""
        self.transport.write(bytes((0x80 | opcode, 0x80 | len(payload))) + b"\0" * 4 + payload)


def _frame(data: bytes, start: int) -> tuple[int, bytes, int] | None:
    if len(data) < start + 2:
        return None
    size, at = data[start + 1], start + 2
    if size > 125:
        width = 2 if size == 126 else 8
        if len(data) < at + width:
            return None
        size, at = int.from_bytes(data[at : at + width], "big"), at + width
    if len(data) < at + size:
        return None
    return data[start] & 0x0F, data[at : at + size], at + size


async def open_reader(
    stack: Stack, path: str, cookie: str, heard: Callable[[bytes], None]
) -> Reader:
    """A reader whose handshake is done."""
    made = lambda: Reader(stack.port, path, cookie, heard)  # noqa: E731
    _, reader = await asyncio.get_running_loop().create_connection(made, "127.0.0.1", stack.port)
    await reader.opened
    return reader


def start_web(stack: Stack) -> Process:
    """A web process that answers."""
    process = stack.start("web")
    for _ in range(300):
        try:
            stack.get("/healthz")
            return process
        except OSError:
            time.sleep(0.1)
    raise AssertionError(stack.log("web"))


def make_session() -> str:
    """The session key of a new person."""
    from django.contrib.auth.models import User  # noqa: PLC0415 - after django.setup()
    from django.test import Client  # noqa: PLC0415

    client = Client()
    client.force_login(User.objects.create_user("benchmark", password="benchmark"))
    return client.cookies["sessionid"].value


def make_runs(count: int) -> list[str]:
    """Runs that only have a row, so that no worker touches them."""
    from timestep.models import AgentSpec, Run  # noqa: PLC0415 - after django.setup()

    spec, _ = AgentSpec.objects.get_or_create(digest="0" * 64, defaults={"body": {}})
    ids = [f"live-{time.time_ns()}-{n}" for n in range(count)]
    common = {"spec": spec, "agent": "bench", "input": "", "input_digest": "", "engine_version": 1}
    Run.objects.bulk_create(Run(run_id=one, status="running", **common) for one in ids)
    return ids


def start_writer(stack: Stack, plan: WritePlan) -> subprocess.Popen[bytes]:
    """Write tokens in another process."""
    command = [sys.executable, "-m", "benchmarks.live_clients", json.dumps(asdict(plan))]
    return subprocess.Popen(command, env=stack.environment)


def write_tokens(plan: WritePlan) -> None:
    """Write `<n>@<seconds since the epoch> ` at an even pace, each with the time it was made."""
    import django  # noqa: PLC0415 - settings come from the environment

    django.setup()
    from timestep.engine.writer import EventWriter, PendingEvent  # noqa: PLC0415
    from timestep.garbage import spare_what_is_loaded  # noqa: PLC0415

    spare_what_is_loaded()  # As a worker does.
    writer = EventWriter(on_lost=lambda run_id, epoch: None)
    writer.start()
    started = time.monotonic()
    for n in range(round(plan.per_second * plan.seconds)):
        time.sleep(max(0.0, started + n / plan.per_second - time.monotonic()))
        for run_id in plan.run_ids:
            payload = {"text": f"{n}@{time.time():.6f} "}
            step = "0.1" if plan.kind == "model.delta" else ""
            writer.emit(PendingEvent(run_id, 0, plan.kind, payload, step=step))
    writer.flush().result(60)
    writer.stop()


if __name__ == "__main__":
    write_tokens(WritePlan(**json.loads(sys.argv[1])))
