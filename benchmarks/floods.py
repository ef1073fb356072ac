"""How late a neighbour's call is while a model answers in millions of pieces.

    python -m benchmarks.floods [--pieces 2000000]

One worker on SQLite, one run whose model streams single characters as fast as they can be read, and
beside it runs whose tool sleeps for 50 ms again and again. Prints the worst lateness in
milliseconds, the worker's memory, and whether the whole text arrived.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import django
import psutil

from tests.campaign.double import call, script


def main() -> None:
    """Run the benchmark once."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floods")
    parser.add_argument("--pieces", type=int, default=2_000_000)
    pieces: int = parser.parse_args().pieces
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"TIMESTEP_HOME": home, "DJANGO_SETTINGS_MODULE": "timestep_site.settings"}
        os.environ.pop("PG_CONNECTION_URI", None)
        django.setup()
        _on(Path(home), pieces)


def _on(home: Path, pieces: int) -> None:
    # Imported here: it needs a Django that is set up.
    from tests.campaign.installation import django_on, installation  # noqa: PLC0415

    with installation(home, None) as engine:
        engine.start_worker()
        with django_on(engine.stack):
            _measure(engine, pieces)


def _measure(engine: Any, pieces: int) -> None:
    engine.double.says(
        script("flood", {"flood": pieces}),
        script("beat", {"calls": [call("beat", seconds=5)]}, {"text": "{outputs}"}),
    )
    from agents import Agent  # noqa: PLC0415 - takes seconds, as do the workers meanwhile

    process = psutil.Process(engine.ready().pid)
    print(f"alone: {_beaten(engine, 0)} ms late, {process.memory_info().rss >> 20} MiB")
    began = time.monotonic()
    flood = engine.launch_code(Agent[Any](name="talker", model="test-model"), "flood")
    worst, memory, beats = 0, 0, 0
    while engine.run(flood.run_id).finished_at is None:
        beats += 1
        worst = max(worst, _beaten(engine, beats))
        memory = max(memory, process.memory_info().rss >> 20)
    ended = engine.run(flood.run_id)
    whole = ended.final_output == "x" * pieces
    print(
        f"beside {pieces:,} pieces: at most {worst} ms late in {beats} calls, {memory} MiB at most"
    )
    print(f"{ended.status} after {time.monotonic() - began:.0f} s, whole: {whole}")


def _beaten(engine: Any, number: int) -> int:
    from agents import Agent  # noqa: PLC0415

    from tests.campaign import code  # noqa: PLC0415

    agent = Agent[Any](name="beater", model="test-model", tools=[code.beat])
    run = engine.launch_code(agent, f"beat {number}")
    run = engine.wait(run, "succeeded", "failed", within=300)
    return int(str(run.final_output))


if __name__ == "__main__":
    main()
