"""The runs list at 100,000 runs beside the same list at 1,000.

    python -m benchmarks.runs_list [--database sqlite|postgres|both]

Each request goes through the whole site (middleware, view, template) for a signed-in person.
Two processes hold a database of each size and are asked by turns, so that the machine's moods
meet both.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from typing import Any

from benchmarks.harness import Verdicts, each_database, installation, percentile, use_django
from benchmarks.sites import signed_in_client, site, timed

SMALL, LARGE = 1_000, 100_000
REQUESTS = 60
_SIZE = "BENCHMARK_SIZE"
_MODULE = "benchmarks.runs_list"
STATUSES = ("succeeded", "failed", "cancelled", "timed_out", "running", "queued")


def _measure(database: str) -> None:
    if size := os.environ.get(_SIZE):
        _answer(database, int(size))
        return
    verdicts = Verdicts()
    with site(_MODULE, _SIZE, SMALL) as small, site(_MODULE, _SIZE, LARGE) as large:
        names = small.names()
        assert names == large.names()
        times = [
            (name, small.ask(name), large.ask(name)) for _ in range(REQUESTS) for name in names
        ]
    for name in names:
        at_small = percentile([mine for asked, mine, _ in times if asked == name], 95)
        at_large = percentile([mine for asked, _, mine in times if asked == name], 95)
        print(f"{name}: {at_small:.1f} ms at {SMALL:,} runs, {at_large:.1f} ms at {LARGE:,}")
        verdicts.at_most(f"{name}, p95 ratio", at_large / at_small, 1.3, "times")
    verdicts.exit()


def _answer(database: str, size: int) -> None:
    with installation(database) as stack:
        use_django(stack)
        client = signed_in_client()
        _fill(0, size)
        addresses = _addresses(size)
        for address in addresses.values():
            timed(client, address)
        print(json.dumps(list(addresses)), flush=True)
        for line in sys.stdin:
            print(timed(client, addresses[line.strip()]), flush=True)


def _fill(start: int, end: int) -> None:
    from django.db import connection  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from timestep.models import Run, Segment  # noqa: PLC0415
    from timestep.services.specs import store_spec  # noqa: PLC0415

    spec = store_spec({"spec_version": 1, "start": "bench", "agents": {}})
    now = timezone.now()
    for first in range(start, end, 5_000):
        numbers = range(first, min(first + 5_000, end))
        runs = [_run(Run, spec, number, now) for number in numbers]
        Run.objects.bulk_create(runs)
        Segment.objects.bulk_create(
            [Segment(segment_id=f"{run.run_id}:0", run=run, n=0, state="ended") for run in runs]
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _run(model: Any, spec: Any, number: int, now: Any) -> Any:
    created = now - timedelta(days=60) + timedelta(seconds=number * 5)
    return model(
        run_id=f"run_{number:08d}",
        spec=spec,
        agent=f"agent-{number % 7}",
        input="hello",
        input_digest="0" * 64,
        engine_version=1,
        status=STATUSES[number % len(STATUSES)],
        queue=f"queue-{number % 5}",
        session_id=f"session-{number % 10}",
        schedule=f"schedule-{number % 10}",
        created_at=created,
        started_at=created,
        finished_at=created + timedelta(seconds=4),
        input_tokens=100,
        output_tokens=20,
    )


def _addresses(size: int) -> dict[str, str]:
    """The first page, a page in the middle, and each filter by itself."""
    from timestep.models import Run  # noqa: PLC0415
    from workflows.selectors.runs import runs_page  # noqa: PLC0415

    middle = Run.objects.get(run_id=f"run_{size // 2:08d}").created_at
    day = middle.date().isoformat()
    deep = ""
    for _ in range(size // 2 // 200):
        deep = runs_page(after=deep, limit=200).next_cursor or deep
    return {
        "first page": "/runs/",
        "deep page": f"/runs/?after={deep}",
        "status": "/runs/?status=failed",
        "agent": "/runs/?agent=agent-3",
        "queue": "/runs/?queue=queue-2",
        "session": "/runs/?session=session-7",
        "schedule": "/runs/?schedule=schedule-4",
        "created before": f"/runs/?created_to={day}",
        "finished before": f"/runs/?finished_to={day}",
    }


if __name__ == "__main__":
    each_database(_MODULE, __doc__, _measure)
