"""Daphne as `web` runs it, over a real network."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator

import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.live.flooding_server import FLOOD, SIZE
from tests.stack import ROOT, free_port


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Address and process of the flooding server."""
    port = free_port()
    bootstrap = (
        "import os, django, runpy; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings';"
        "django.setup(); runpy.run_module('tests.live.flooding_server', run_name='__main__')"
    )
    process = subprocess.Popen([sys.executable, "-c", bootstrap, str(port)], cwd=ROOT)
    for _ in range(200):
        try:
            asyncio.run(_try(port))
            break
        except OSError:
            time.sleep(0.05)
    yield f"ws://127.0.0.1:{port}", process
    process.terminate()
    process.wait(10)


async def _try(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    await writer.wait_closed()


Server = tuple[str, "subprocess.Popen[bytes]"]


@pytest.mark.parametrize(
    ("code", "status"),
    [(4400, 400), (4401, 401), (4403, 403), (4404, 404), (1013, 503), (4999, 403)],
)
async def test_refusals_are_statuses_of_the_handshake(
    server: Server, code: int, status: int
) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        await connect(f"{server[0]}/refuse/{code}")
    assert refusal.value.response.status_code == status
    assert refusal.value.response.reason_phrase == "not for you"


async def test_frames_of_every_length_arrive_and_the_close_has_its_reason(server: Server) -> None:
    async with connect(f"{server[0]}/frames", max_size=None) as socket:
        lengths = [len(await socket.recv()) for _ in range(6)]
        assert lengths == [1, 125, 126, 65535, 65536, 2_000_000]
        assert await socket.recv() == "plain"
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "later")


async def test_a_reader_that_does_not_read_stops_its_sender_only(server: Server) -> None:
    address, process = server
    before = psutil.Process(process.pid).memory_info().rss
    async with connect(f"{address}/flood", max_queue=1, ping_interval=None) as stuck:
        async with connect(f"{address}/flood", ping_interval=None) as reading:
            assert len([await reading.recv() for _ in range(FLOOD)]) == FLOOD
        await asyncio.sleep(1.5)
        assert psutil.Process(process.pid).memory_info().rss - before < FLOOD * SIZE / 4
        await _read_to_the_end(stuck)


async def _read_to_the_end(stuck: ClientConnection) -> None:
    numbers = [int(str(message).split()[0]) async for message in _until_closed(stuck)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) < FLOOD
    assert stuck.close_code == 4408
    assert stuck.close_reason == f"too slow; reconnect with after={len(numbers)}"


async def _until_closed(stuck: ClientConnection) -> AsyncIterator[str | bytes]:
    with contextlib.suppress(ConnectionClosed):
        while True:
            yield await stuck.recv()
