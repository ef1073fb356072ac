"""A run of a program's agent beside the same run under `dbos_openai_agents.DBOSRunner`.

    python -m benchmarks.library_run [--database sqlite|postgres|both]

Two programs take turns, so that they share the machine's moods: five model calls, eight tool calls,
the same answers from a local server that speaks the Responses API. Ours streams every token to
the event writer; DBOSRunner cannot stream. One round answers at once, one
after a wait that is still short for a model.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from typing import Any

from benchmarks.harness import Verdicts, each_database, installation, percentile, spread
from tests.campaign.double import Double, call, script
from tests.databases import postgres_database
from tests.stack import ROOT, Stack

ROUNDS = 40
WARM_UP = 3
# What comes before a model's first token; real ones take several times as long.
PACES: dict[str, dict[str, Any]] = {"at once": {}, "after 150 ms": {"delay": 0.15}}


class _Child:
    def __init__(self, side: str, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.runner_child", side],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "ready"

    def run(self, text: str) -> float:
        """Milliseconds of one run."""
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()
        return float(self._line()) * 1000

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def _measure(database: str) -> None:
    verdicts = Verdicts()
    with ExitStack() as held:
        stack = held.enter_context(installation(database))
        double = held.enter_context(Double())
        double.says(*(_conversation(name, pace) for name, pace in PACES.items()))
        environment = _environment(stack, double, held)
        children = [_Child(side, environment) for side in ("ours", "other")]
        for child in children:
            held.callback(child.stop)
        for name in PACES:
            _compare(name, children, verdicts)
    verdicts.exit()


def _compare(name: str, children: list[_Child], verdicts: Verdicts) -> None:
    ours: list[float] = []
    other: list[float] = []
    pairs = list(zip((ours, other), children, strict=True))
    for number in range(WARM_UP + ROUNDS):
        # In turn first and second.
        for times, child in pairs if number % 2 else reversed(pairs):
            took = child.run(f"read: {name}")
            if number >= WARM_UP:
                times.append(took)
    print(f"{name}: DBOSRunner {spread(other)} ms")
    print(f"{name}: ours       {spread(ours)} ms")
    ratio = percentile(ours, 50) / percentile(other, 50)
    verdicts.at_most(f"{name}: ours / DBOSRunner, medians", ratio, 1.1, "times")


def _conversation(name: str, pace: dict[str, Any]) -> dict[str, Any]:
    turns = [
        {"calls": [call("look_up", word=f"a{n}"), call("look_up", word=f"b{n}")]} | pace
        for n in range(4)
    ]
    return script(f"read: {name}", *turns, {"text": "{outputs}"} | pace)


def _environment(stack: Stack, double: Double, held: ExitStack) -> dict[str, str]:
    own = stack.environment | {"OPENAI_API_KEY": "sk-bench", "OPENAI_BASE_URL": double.url}
    own["BENCHMARK_OTHER_URL"] = f"sqlite:///{stack.home / 'other.sqlite'}"
    if stack.postgres_uri is not None:
        own["BENCHMARK_OTHER_URL"] = held.enter_context(postgres_database(stack.postgres_uri))
    return own


if __name__ == "__main__":
    each_database("benchmarks.library_run", __doc__, _measure)
