"""200 viewers of one run that streams 50 tokens a second: nobody has a gap.

    python -m benchmarks.live_fanout [--database sqlite|postgres|both]

Then how much one web process can pass on: events that cannot be merged, against a raw ASGI
broadcast of messages of the same size on the same daphne in the same run.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psutil

from benchmarks.harness import (
    Verdicts,
    each_database,
    installation,
    percentile,
    spread,
    use_django,
)
from benchmarks.live_clients import (
    Reader,
    WritePlan,
    make_runs,
    make_session,
    open_reader,
    start_web,
    start_writer,
)
from tests.stack import Stack

VIEWERS = 200
TOKENS_PER_SECOND = 50
SECONDS = 10.0
FLOOD_EVENTS = 500
PATIENCE_S = 60.0


@dataclass
class Viewer:
    """What one viewer has seen."""

    numbers: list[int] = field(default_factory=list)
    delays_ms: list[float] = field(default_factory=list)
    messages: int = 0

    def heard(self, message: bytes) -> None:
        """Take a message with one or several tokens."""
        self.messages += 1
        now = time.time()
        for token in json.loads(message)["payload"]["text"].split():
            number, _, made = token.partition("@")
            self.numbers.append(int(number))
            self.delays_ms.append((now - float(made)) * 1000)


class Counter:
    """Counts messages of all viewers, from when the first was made to when the last came."""

    def __init__(self) -> None:
        self.count = 0
        self.started = self.last = 0.0
        self.size = 0

    def heard(self, message: bytes) -> None:
        """Take any message."""
        self.last = time.time()
        if not self.started:
            self.started = float(json.loads(message)["payload"]["text"].partition("@")[2])
        self.count += 1
        self.size = len(message)

    def per_second(self) -> float:
        """Messages per second of all viewers together."""
        return self.count / max(1e-9, self.last - self.started)


def _measure(database: str) -> None:
    verdicts = Verdicts()
    with installation(database, DJANGO_SETTINGS_MODULE="benchmarks.live_settings") as stack:
        use_django(stack)
        cookie = make_session()
        web = psutil.Process(start_web(stack).pid)
        runs = make_runs(2)
        asyncio.run(_compare(stack, cookie, runs, web, verdicts))
    verdicts.exit()


async def _compare(
    stack: Stack, cookie: str, runs: list[str], web: psutil.Process, verdicts: Verdicts
) -> None:
    before, started = _cpu_seconds(web), time.monotonic()
    viewers = await _stream(stack, runs[0], cookie)
    share = (_cpu_seconds(web) - before) / (time.monotonic() - started)
    _report_stream(viewers, share)
    flood = await _flood(stack, runs[1], cookie)
    raw = await _raw(stack, flood.size)
    print(f"events that cannot be merged: {flood.per_second():.0f} messages/s delivered")
    print(f"raw ASGI broadcast:           {raw.per_second():.0f} messages/s delivered")
    print(f"ratio live / raw: {flood.per_second() / raw.per_second():.2f}")
    expected = list(range(round(TOKENS_PER_SECOND * SECONDS)))
    gaps = sum(viewer.numbers != expected for viewer in viewers)
    verdicts.at_most("viewers with a gap, a double or a disorder", gaps, 0, "")
    verdicts.at_least("flood: messages delivered", flood.count, VIEWERS * FLOOD_EVENTS, "")


def _report_stream(viewers: list[Viewer], share: float) -> None:
    messages = sum(viewer.messages for viewer in viewers)
    tokens = sum(len(viewer.numbers) for viewer in viewers)
    delays = [delay for viewer in viewers for delay in viewer.delays_ms]
    print(f"{VIEWERS} viewers x {TOKENS_PER_SECOND} tokens/s: {tokens / SECONDS:.0f} tokens/s in"
          f" {messages / SECONDS:.0f} messages/s, web process {share:.0%} of a core")  # fmt: skip
    print(f"event -> viewer: {spread(delays)} ms, worst {percentile(delays, 100):.0f}")


async def _stream(stack: Stack, run_id: str, cookie: str) -> list[Viewer]:
    viewers = [Viewer() for _ in range(VIEWERS)]
    path = f"/ws/runs/{run_id}/?format=json"
    readers = [await open_reader(stack, path, cookie, viewer.heard) for viewer in viewers]
    writer = start_writer(stack, WritePlan([run_id], TOKENS_PER_SECOND, SECONDS))
    expected = round(TOKENS_PER_SECOND * SECONDS)
    await _until(lambda: all(len(viewer.numbers) >= expected for viewer in viewers))
    await asyncio.sleep(0.5)  # For what might come twice.
    writer.wait()
    _leave(readers)
    return viewers


async def _flood(stack: Stack, run_id: str, cookie: str) -> Counter:
    counter = Counter()
    path = f"/ws/runs/{run_id}/?format=json"
    readers = [await open_reader(stack, path, cookie, counter.heard) for _ in range(VIEWERS)]
    writer = start_writer(stack, WritePlan([run_id], FLOOD_EVENTS * 1000, 0.001, kind="handoff"))
    await _until(lambda: counter.count >= VIEWERS * FLOOD_EVENTS)
    writer.wait()
    _leave(readers)
    return counter


async def _raw(stack: Stack, size: int) -> Counter:
    counter = Counter()
    readers = [await open_reader(stack, "/raw/", "", counter.heard) for _ in range(VIEWERS)]
    counter.started = time.time()
    readers[0].write(0x1, f"{FLOOD_EVENTS} {size}".encode())
    await _until(lambda: counter.count >= VIEWERS * FLOOD_EVENTS)
    _leave(readers)
    return counter


async def _until(done: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done() and time.monotonic() < deadline:  # noqa: ASYNC110 - cheap for the readers
        await asyncio.sleep(0.05)


def _leave(readers: list[Reader]) -> None:
    for reader in readers:
        reader.transport.abort()


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    each_database("benchmarks.live_fanout", __doc__, _measure)
