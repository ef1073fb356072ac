"""What every page is told: which requests changed, and that something was held.

The audit trail numbers every act without a gap, in the order of the commits, so it is the feed;
each page fetches what its viewer may see.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from approvals.access import EVERYTHING, Sight
from approvals.models import ApprovalRequest
from approvals.selectors.acts import acts_after, newest_act
from workflows.live.batches import FeedBatch, Frame
from workflows.live.channels import FeedChannel
from workflows.live.readers import Readers
from workflows.live.viewers import Viewer

ACTS_PER_BATCH = 500


class ApprovalsBatch(FeedBatch):
    """Ids of the requests that changed; None means more than are told one by one.

    `holds`: whether something was held, paused or let go on; everybody may know that.
    """

    def __init__(
        self,
        after: int,
        last: int,
        changed: Iterable[str] | None,
        *,
        holds: bool = False,
        sight: Sight = EVERYTHING,
    ) -> None:
        super().__init__(after, last, {"html": self._frames_of, "json": self._frames_of})
        self.holds = holds
        self.changed = None if changed is None else list(dict.fromkeys(changed))
        self._sight = sight

    def part(self, sight: Sight) -> ApprovalsBatch:
        """Only the requests that this sight sees."""
        return ApprovalsBatch(self.after, self.last, self.changed, holds=self.holds, sight=sight)

    def _frames_of(self) -> list[Frame]:
        changed = self._seen()
        if changed == [] and not self.holds:
            return []
        told = {"seq": self.last, "changed": changed} | ({"holds": True} if self.holds else {})
        return [Frame.of(json.dumps(told), self.last)]

    def _seen(self) -> list[str] | None:
        if not self.changed or self._sight.unlimited:
            return self.changed
        rows = ApprovalRequest.objects.filter(self._sight.requests(), approval_id__in=self.changed)
        seen = set(rows.values_list("approval_id", flat=True))
        return [approval_id for approval_id in self.changed if approval_id in seen]


class ApprovalsChannel(FeedChannel):
    """Changes of approval requests; positions are numbers of the audit trail."""

    resumes = True
    tells_outages = True

    async def catch_up(self, viewer: Viewer, readers: Readers, upto: int) -> None:
        """What changed since the page was rendered, or the word that it was too much."""
        viewer.after = min(viewer.after, upto)
        if viewer.after < upto:
            batch = (await readers.run(_batch, viewer.after, upto)).seen_by(viewer.sight)
            await viewer.send(await readers.run(batch.frames, viewer.form), batch.last)

    def read_new(self) -> ApprovalsBatch | None:
        """What has changed since the last call; in the listener's thread."""
        after = self.read_upto or 0
        newest = newest_act()
        if newest <= after:
            return None
        self.read_upto = newest
        return _batch(after, newest)

    def _newest(self) -> int:
        return newest_act()


def _batch(after: int, upto: int) -> ApprovalsBatch:
    if upto - after > ACTS_PER_BATCH:
        return ApprovalsBatch(after, upto, None, holds=True)
    acts = acts_after(after, upto)
    return ApprovalsBatch(after, upto, acts.requests, holds=acts.holds)
