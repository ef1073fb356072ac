"""Following a run's events from any process, from any point on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from timestep.engine.threads import in_thread
from timestep.errors import NotLaunched, RunNotFound
from timestep.events import feed
from timestep.library.databases import has_tables
from timestep.library.setup import is_launched
from timestep.models import ENDED_STATUSES, Run

POLL_SECONDS = 0.1
_EVENTS_AT_ONCE = 500


async def events_until(
    run_id: str, after: int, stopped: Callable[[], bool]
) -> AsyncIterator[dict[str, Any]]:
    """The events of a run until it has ended, or `stopped` says so and all are read."""
    if not is_launched() and not await in_thread(has_tables):
        raise NotLaunched("the database has no tables yet: call ensure_dbos_launched() first")
    while True:
        # Asked before the events: what an ended run has told is all there by then.
        ended = stopped() or await in_thread(_has_ended, run_id)
        while rows := await in_thread(feed.events_after, run_id, after, _EVENTS_AT_ONCE):
            for row in feed.merge_deltas(rows):
                yield feed.as_message(row)
            after = rows[-1].seq
        if ended:
            return
        await asyncio.sleep(POLL_SECONDS)


def _has_ended(run_id: str) -> bool:
    status = Run.objects.filter(run_id=run_id).values_list("status", flat=True).first()
    if status is None:
        raise RunNotFound(run_id)
    return status in ENDED_STATUSES
