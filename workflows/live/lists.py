"""What lists of runs are told: rows of runs whose status changed, or messages for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from timestep.events import feed
from timestep.models import Run
from workflows.live.batches import Batch, Frame
from workflows.selectors.runs import RunRow

RECENT = timedelta(seconds=30)
RECENT_IDS = 2000


class ListBatch(Batch):
    """Status events of any runs."""

    def __init__(self, after: int, last: int, rows: Sequence[feed.EventRow]) -> None:
        super().__init__(after, last, {"html": self._html, "json": self._json})
        self.rows = rows

    def _html(self) -> list[Frame]:
        ids = {row.run_id for row in self.rows}
        runs = Run.objects.filter(run_id__in=ids).select_related("launched_by")
        shown = [RunRow.of(run) for run in runs.order_by("created_at", "run_id")]
        if not shown:
            return []
        return [Frame.of(render_to_string("workflows/runs/_live.html", {"runs": shown}), 0)]

    def _json(self) -> list[Frame]:
        return [Frame.of(json.dumps(_message(row)), 0) for row in self.rows]


def _message(row: feed.EventRow) -> dict[str, Any]:
    event = feed.as_message(row)
    return {"run_id": row.run_id, **event["payload"], "seq": row.seq, "at": event["at"]}


def recent_batch() -> ListBatch:
    """The status changes of the last half minute: what a page just rendered may have missed."""
    since = timezone.now() - RECENT
    found = feed.status_events(feed.newest_event_id() - RECENT_IDS)
    return ListBatch(0, 0, [row for _, row in found if row.at >= since])
