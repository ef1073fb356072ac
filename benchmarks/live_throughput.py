"""50 runs that each stream 50 tokens a second, from a worker's event writer to websocket readers.

    python -m benchmarks.live_throughput [--database sqlite|postgres|both]

Three processes: the writer, `manage.py web`, and the readers. Beside it stands the raw thing in
the same run: the same writer, and one reader that waits for commits and selects, with no web
process between.
"""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from collections import defaultdict
from typing import Any

from benchmarks.harness import (
    Verdicts,
    each_database,
    installation,
    percentile,
    spread,
    use_django,
)
from benchmarks.live_clients import (
    WritePlan,
    make_runs,
    make_session,
    open_reader,
    start_web,
    start_writer,
)
from tests.stack import Stack

RUNS = 50
TOKENS_PER_SECOND = 50
SECONDS = 10.0
RAW_SECONDS = 5.0
SETTLE_S = 5.0


class Heard:
    """Tokens as they arrive: their numbers by run, and how long each was under way."""

    def __init__(self) -> None:
        self.numbers: dict[str, list[int]] = defaultdict(list)
        self.delays_ms: list[float] = []

    def text(self, run_id: str, text: str) -> None:
        """Take one or several tokens."""
        now = time.time()
        for token in text.split():
            number, _, made = token.partition("@")
            self.numbers[run_id].append(int(number))
            self.delays_ms.append((now - float(made)) * 1000)

    def wrong(self, runs: list[str], expected: int) -> int:
        """How many runs miss a token, have one twice, or have them out of order."""
        return sum(self.numbers[run_id] != list(range(expected)) for run_id in runs)


def _measure(database: str) -> None:
    verdicts = Verdicts()
    with installation(database) as stack:
        use_django(stack)
        cookie = make_session()
        start_web(stack)
        runs, raw_runs = make_runs(RUNS), make_runs(RUNS)
        print(f"{RUNS} runs x {TOKENS_PER_SECOND} tokens/s")
        raw = _through_the_database(stack, raw_runs)
        print(f"raw, writer -> select:    {spread(raw.delays_ms)} ms")
        live = asyncio.run(_through_the_web(stack, runs, cookie))
        print(f"live, writer -> websocket: {spread(live.delays_ms)} ms")
    expected = round(TOKENS_PER_SECOND * SECONDS)
    ratio = percentile(live.delays_ms, 99) / percentile(raw.delays_ms, 99)
    print(f"ratio of the p99: {ratio:.2f}; {len(live.delays_ms) / SECONDS:.0f} tokens/s arrived")
    verdicts.at_most(
        "runs with a token lost, doubled or out of order", live.wrong(runs, expected), 0, ""
    )
    verdicts.at_most("p99 from event to arrival", percentile(live.delays_ms, 99), 150, "ms")
    verdicts.exit()


async def _through_the_web(stack: Stack, runs: list[str], cookie: str) -> Heard:
    heard = Heard()

    def listen(run_id: str) -> Any:
        return lambda message: heard.text(run_id, json.loads(message)["payload"]["text"])

    gc.disable()  # What the readers stop for is not the server's doing.
    for run_id in runs:
        await open_reader(stack, f"/ws/runs/{run_id}/?format=json", cookie, listen(run_id))
    writer = start_writer(stack, WritePlan(runs, TOKENS_PER_SECOND, SECONDS))
    expected = round(RUNS * TOKENS_PER_SECOND * SECONDS)
    deadline = time.monotonic() + SECONDS + 2 * SETTLE_S
    while len(heard.delays_ms) < expected and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)  # For what might come twice.
    writer.wait()
    return heard


def _through_the_database(stack: Stack, runs: list[str]) -> Heard:
    heard, done = Heard(), threading.Event()
    reading = threading.Thread(target=_select, args=(runs, heard, done))
    reading.start()
    time.sleep(0.5)
    start_writer(stack, WritePlan(runs, TOKENS_PER_SECOND, RAW_SECONDS)).wait()
    time.sleep(0.5)
    done.set()
    reading.join()
    return heard


def _select(runs: list[str], heard: Heard, done: threading.Event) -> None:
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    from timestep.events import feed  # noqa: PLC0415
    from workflows.live.wakeups import open_wakeups  # noqa: PLC0415

    cursors = dict.fromkeys(runs, 0)
    with open_wakeups() as wakeups:
        while not done.is_set():
            wakeups.wait(0.2)
            for run_id, rows in feed.events_of_runs(cursors, 2000).items():
                cursors[run_id] = rows[-1].seq
                for row in rows:
                    heard.text(run_id, row.payload["text"])
    connection.close()


if __name__ == "__main__":
    each_database("benchmarks.live_throughput", __doc__, _measure)
