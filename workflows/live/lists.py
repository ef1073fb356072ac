"""What lists of runs are told: rows of runs whose status changed, or messages for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from approvals.access import EVERYTHING, Sight
from timestep.events import feed
from timestep.masked_html import masked_html
from timestep.models import Run
from workflows.live.batches import FeedBatch, Frame
from workflows.selectors.runs import RunRow

RECENT = timedelta(seconds=30)
RECENT_IDS = 2000


class ListBatch(FeedBatch):
    """Status events of any runs that are seen."""

    def __init__(
        self, after: int, last: int, rows: Sequence[feed.EventRow], sight: Sight = EVERYTHING
    ) -> None:
        super().__init__(after, last, {"html": self._html, "json": self._json})
        self.rows = rows
        self._sight = sight

    def part(self, sight: Sight) -> ListBatch:
        """Only the runs that this sight sees."""
        return ListBatch(self.after, self.last, self.rows, sight)

    def _html(self) -> list[Frame]:
        ids = {row.run_id for row in self.rows}
        runs = Run.objects.filter(self._sight.runs(), run_id__in=ids).select_related("launched_by")
        shown = [RunRow.of(run) for run in runs.order_by("created_at", "run_id")]
        if not shown:
            return []
        return [
            Frame.of(masked_html(render_to_string("workflows/runs/_live.html", {"runs": shown})), 0)
        ]

    def _json(self) -> list[Frame]:
        return [Frame.of(json.dumps(_message(row)), 0) for row in self._seen()]

    def _seen(self) -> Sequence[feed.EventRow]:
        if self._sight.unlimited:
            return self.rows
        ids = {row.run_id for row in self.rows}
        runs = Run.objects.filter(self._sight.runs(), run_id__in=ids)
        seen = set(runs.values_list("run_id", flat=True))
        return [row for row in self.rows if row.run_id in seen]


def _message(row: feed.EventRow) -> dict[str, Any]:
    event = feed.as_message(row)
    return {"run_id": row.run_id, **event["payload"], "seq": row.seq, "at": event["at"]}


def recent_batch() -> ListBatch:
    """The status changes of the last half minute: what a page just rendered may have missed."""
    since = timezone.now() - RECENT
    found = feed.status_events(feed.newest_event_id() - RECENT_IDS)
    return ListBatch(0, 0, [row for _, row in found if row.at >= since])
