"""The runs list at 100,000 runs beside the same list at 1,000.

    python -m benchmarks.runs_list [--database sqlite|postgres|both]

Each request goes through the whole site (middleware, view, template) for a signed-in person.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from benchmarks.harness import Verdicts, each_database, installation, percentile, use_django

SMALL, LARGE = 1_000, 100_000
REQUESTS = 60
STATUSES = ("succeeded", "failed", "cancelled", "timed_out", "running", "queued")


def _measure(database: str) -> None:
    verdicts = Verdicts()
    with installation(database) as stack:
        use_django(stack)
        client = _signed_in_client()
        _fill(0, SMALL)
        small = _p95_by_address(client, _addresses(SMALL))
        _fill(SMALL, LARGE)
        large = _p95_by_address(client, _addresses(LARGE))
    for name, at_small in small.items():
        print(f"{name}: {at_small:.1f} ms at {SMALL:,} runs, {large[name]:.1f} ms at {LARGE:,}")
        verdicts.at_most(f"{name}, p95 ratio", large[name] / at_small, 1.3, "times")
    verdicts.exit()


def _signed_in_client() -> Any:
    from django.contrib.auth import get_user_model  # noqa: PLC0415 - after django.setup()
    from django.test import Client  # noqa: PLC0415

    person = get_user_model().objects.create_superuser("benchmark", password="benchmark")
    client = Client(headers={"host": "localhost"})
    client.force_login(person)
    return client


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
        session_id=f"session-{number % 50}",
        schedule=f"schedule-{number % 10}",
        created_at=created,
        started_at=created,
        finished_at=created + timedelta(seconds=4),
        input_tokens=100,
        output_tokens=20,
    )


def _addresses(size: int) -> dict[str, str]:
    """The first page, a page in the middle, and each filter by itself."""
    from workflows.selectors.runs import runs_page  # noqa: PLC0415

    from timestep.models import Run  # noqa: PLC0415

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


def _p95_by_address(client: Any, addresses: dict[str, str]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in addresses}
    for number in range(REQUESTS + 3):
        # By turns, so that a slow moment of the machine meets all of them.
        for name, address in addresses.items():
            started = time.perf_counter()
            response = client.get(address)
            spent = (time.perf_counter() - started) * 1000
            assert response.status_code == 200, (address, response.status_code)
            if number >= 3:
                times[name].append(spent)
    return {name: percentile(values, 95) for name, values in times.items()}


if __name__ == "__main__":
    each_database("benchmarks.runs_list", __doc__, _measure)
