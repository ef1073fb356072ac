"""The inbox with 10,000 requests waiting beside the same inbox with 100.

    python -m benchmarks.inbox [--database sqlite|postgres|both]

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

SMALL, LARGE = 100, 10_000
REQUESTS = 60
_SIZE = "BENCHMARK_SIZE"
_MODULE = "benchmarks.inbox"


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
        print(f"{name}: {at_small:.1f} ms at {SMALL} waiting, {at_large:.1f} ms at {LARGE:,}")
        verdicts.at_most(f"{name}, p95 ratio", at_large / at_small, 1.2, "times")
    verdicts.exit()


def _answer(database: str, size: int) -> None:
    with installation(database) as stack:
        use_django(stack)
        client = signed_in_client()
        _fill(size)
        addresses = _addresses(size)
        for address in addresses.values():
            timed(client, address)
        print(json.dumps(list(addresses)), flush=True)
        for line in sys.stdin:
            print(timed(client, addresses[line.strip()]), flush=True)


def _fill(size: int) -> None:
    from django.db import connection  # noqa: PLC0415 - after django.setup()
    from django.utils import timezone  # noqa: PLC0415

    from approvals.models import ApprovalRequest  # noqa: PLC0415
    from timestep.models import Run  # noqa: PLC0415
    from timestep.services.specs import store_spec  # noqa: PLC0415

    spec = store_spec({"spec_version": 1, "start": "bench", "agents": {}})
    now = timezone.now()
    for first in range(0, size, 2_000):
        numbers = range(first, min(first + 2_000, size))
        Run.objects.bulk_create([_run(Run, spec, number) for number in numbers])
        ApprovalRequest.objects.bulk_create(
            [_request(ApprovalRequest, number, now) for number in numbers]
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _run(model: Any, spec: Any, number: int) -> Any:
    return model(
        run_id=f"run_{number:08d}",
        spec=spec,
        agent="refunds",
        input="My order arrived broken, please refund 25.00 EUR",
        input_digest="0" * 64,
        engine_version=1,
        status="awaiting_approval",
        revision=1,
    )


def _request(model: Any, number: int, now: Any) -> Any:
    """Every third has a deadline; agents and tools are a handful."""
    asked = now - timedelta(days=1) + timedelta(seconds=number)
    return model(
        approval_id=f"apr_{number:08d}",
        run_id=f"run_{number:08d}",
        revision=1,
        call_id="call_1",
        agent=f"agent-{number % 4}",
        tool=f"tool_{number % 2}",
        arguments={"order_id": str(number), "amount": "25.00", "currency": "EUR"},
        arguments_digest="0" * 64,
        said_before="The customer sent a photo of the broken cup.",
        created_at=asked,
        deadline_at=asked + timedelta(days=2) if number % 3 == 0 else None,
    )


def _addresses(size: int) -> dict[str, str]:
    """The first page, one in the middle, each filter, and the count of the navigation."""
    return {
        "first page": "/approvals/",
        "deep page": f"/approvals/?after=apr_{size // 2:08d}",
        "all waiting": "/approvals/?show=all",
        "agent": "/approvals/?agent=agent-3",
        "tool": "/approvals/?tool=tool_1",
        "age": "/approvals/?age=1h",
        "count": "/approvals/count/",
    }


if __name__ == "__main__":
    each_database(_MODULE, __doc__, _measure)
