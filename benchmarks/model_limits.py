"""20 runs at one time on 4 workers, under a limit of requests or of tokens in any minute.

    python -m benchmarks.model_limits [--limit requests|tokens|both] [--minutes 2.5]

On Postgres, against the double of OpenAI's servers, whose own clock and usage are what counts.
Every window of 60 s is looked at: none may exceed the limit, and 0.9 of it is to be used.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import django

from benchmarks.harness import Verdicts, spread
from tests.databases import postgres_server
from tests.fake_openai.script import answer, position
from tests.fake_openai.wire import usage

WORKERS = 4
AT_ONE_TIME = 20
WINDOW_S = 60.0
REQUESTS_PER_MINUTE = 120
TOKENS_PER_MINUTE = 8_000
_KINDS = 40

Counted = list[tuple[float, int]]


def most_in_a_window(counted: Counted) -> int:
    """The most that any window of 60 s holds."""
    return max(_sums(counted, [at for at, _ in counted]))


def mean_of_windows(counted: Counted) -> float:
    """What a window of 60 s holds, over all that lie between the first and the last call."""
    first, last = counted[0][0], counted[-1][0]
    steps = max(1, int((last - WINDOW_S - first) / 0.1))
    sums = _sums(counted, [first + step * 0.1 for step in range(steps)])
    return sum(sums) / len(sums)


def _sums(counted: Counted, begins: Sequence[float]) -> list[int]:
    times = [at for at, _ in counted]
    upto = [0, *accumulate(amount for _, amount in counted)]
    return [
        upto[bisect_left(times, begin + WINDOW_S)] - upto[bisect_left(times, begin)]
        for begin in begins
    ]


def _conversations() -> list[dict[str, Any]]:
    """Answers of 5 to 120 tokens that take up to two seconds."""
    chance = random.Random(5)
    return [
        {
            "input_contains": f"kind-{kind:02} ",
            "turns": [{"tokens": chance.randint(5, 120), "token_delay": 0.015, "delay": 0.1}],
        }
        for kind in range(_KINDS)
    ]


def _measure(what: str, minutes: float, verdicts: Verdicts) -> None:
    from tests.campaign.installation import django_on, installation  # noqa: PLC0415 - as below

    most = REQUESTS_PER_MINUTE if what == "requests" else TOKENS_PER_MINUTE
    with (
        tempfile.TemporaryDirectory(prefix="timestep-bench-") as home,
        postgres_server() as server,
        installation(Path(home), server) as engine,
        django_on(engine.stack),
    ):
        engine.double.says(*_conversations())
        _set_limits(what, most)
        for number in range(WORKERS):
            engine.start_worker(f"w{number}")
        for number in range(WORKERS):
            engine.worker(f"w{number}")
        _launch_for(engine, minutes)
        requests = engine.double.requests(bodies=True)
    whole = [one for one in requests if one["outcome"] == "answered"]
    print(f"{what}: {len(whole)} calls answered, {len(requests) - len(whole)} not")
    by_arrival, by_end = _counted(what, requests, "at"), _counted(what, whole, "ended_at")
    verdicts.at_most("most in any window, by arrival", most_in_a_window(by_arrival), most, what)
    if what == "tokens":  # A request counts when it arrives, tokens perhaps when they are made.
        verdicts.at_most("most in any window, by end", most_in_a_window(by_end), most, what)
    verdicts.at_least("used of the limit", mean_of_windows(by_arrival) / most, 0.9, "")


def _set_limits(what: str, most: int) -> None:
    from timestep.models import ModelLimit, Queue  # noqa: PLC0415 - after django.setup()

    Queue.objects.create(name="bench", limit=None, concurrency=AT_ONE_TIME)
    ModelLimit.objects.create(pattern="openai/*", **{f"{what}_per_minute": most})


def _launch_for(engine: Any, minutes: float) -> None:
    """Keep runs waiting in the queue for so long, then wait for those that run."""
    from tests.campaign.installation import agent  # noqa: PLC0415 - after django.setup()
    from timestep.models import Run, RunStatus  # noqa: PLC0415

    chance, launched = random.Random(7), 0
    until = time.monotonic() + minutes * 60
    while time.monotonic() < until:
        waiting = Run.objects.filter(status=RunStatus.QUEUED).count()
        for _ in range(AT_ONE_TIME - waiting):
            launched += 1
            text = f"kind-{chance.randrange(_KINDS):02} {launched} " + "x" * chance.randrange(400)
            engine.launch([agent("bench")], text, queue="bench")
        time.sleep(0.5)
    waiting = Run.objects.filter(status=RunStatus.RUNNING).count()
    print(f"{launched} launched; at the end {waiting} at one time", flush=True)
    _describe_turns()


def _describe_turns() -> None:
    from timestep.models import ModelTurn  # noqa: PLC0415 - after django.setup()

    turns = list(ModelTurn.objects.filter(settled_at__isnull=False))
    times = [(one.taken_at, one.settled_at) for one in turns]
    held = [(end - begin).total_seconds() for begin, end in times if begin and end]
    over = [one.estimated / max(1, one.tokens) for one in turns]
    low = sum(one.tokens > one.estimated for one in turns)
    print(f"seconds from taking to settling: {spread(held)}")
    print(f"estimate / usage: {spread(over)}; too low: {low}", flush=True)


def _counted(what: str, requests: list[dict[str, Any]], when: str) -> Counted:
    script = {"conversations": _conversations()}
    found = []
    for one in requests:
        given, made = usage(answer(script, position(one["body"])), one["body"])
        found.append((one[when], 1 if what == "requests" else given + made))
    return sorted(found)


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", choices=("requests", "tokens", "both"), default="both")
    parser.add_argument("--minutes", type=float, default=2.5)
    given = parser.parse_args()
    verdicts = Verdicts()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "timestep_site.settings")
    django.setup()
    for what in ("requests", "tokens") if given.limit == "both" else (given.limit,):
        _measure(what, given.minutes, verdicts)
    verdicts.exit()


if __name__ == "__main__":
    main()
