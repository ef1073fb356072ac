"""What can be watched: one run, or what changes in many. A channel hands batches to its viewers."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import OrderedDict

from timestep.events import feed
from workflows.live.batches import Batch, Format, OutageNotice, RunBatch
from workflows.live.lists import ListBatch, recent_batch
from workflows.live.readers import Readers
from workflows.live.viewers import Viewer

EVENTS_PER_PAGE = 500
PAGES_KEPT = 4


class Channel(ABC):
    """Viewers and the position up to which they have been offered everything.

    `cursor` belongs to the event loop and `read_upto` to the listener's thread, which is ahead by
    the batches that are on their way from one to the other.
    """

    def __init__(self) -> None:
        self.viewers: set[Viewer] = set()
        self.cursor: int | None = None
        self.read_upto: int | None = None
        self.dirty = True
        self._starting = asyncio.Lock()

    def deliver(self, batch: Batch) -> None:
        """Offer a batch to everyone; on the event loop."""
        self.cursor = batch.last
        for viewer in self.viewers:
            viewer.offer(batch)

    def forms(self) -> set[Format]:
        """The formats that somebody wants."""
        return {viewer.form for viewer in tuple(self.viewers)}

    async def start(self, readers: Readers) -> None:
        """Settle from where on batches are read, if nobody has yet."""
        async with self._starting:
            if self.cursor is None:
                self.cursor = await readers.run(self._newest)
                self.read_upto = self.cursor

    async def follow(self, viewer: Viewer, readers: Readers) -> None:
        """Send the viewer everything after `viewer.after`, once and in order, for ever.

        The viewer has joined before: whatever is after `cursor` will be offered to it. So what it
        lacks is exactly what the database holds up to `cursor`.
        """
        while True:
            viewer.caught_up = False
            await self.catch_up(viewer, readers, self.cursor or 0)
            viewer.caught_up = True
            while (batch := await viewer.next_batch()) is not None:
                await self._pass_on(batch, viewer, readers)

    async def _pass_on(self, batch: Batch, viewer: Viewer, readers: Readers) -> None:
        if batch.placed and batch.last <= viewer.after:
            return
        if batch.after < viewer.after:
            batch = batch.since(viewer.after)
        batch = batch.seen_by(viewer.sight)
        frames = batch.ready(viewer.form)
        if frames is None:
            frames = await readers.run(batch.frames, viewer.form)
        await viewer.send(frames, batch.last)

    @abstractmethod
    async def catch_up(self, viewer: Viewer, readers: Readers, upto: int) -> None:
        """Send the viewer what it lacks up to here."""

    @abstractmethod
    def _newest(self) -> int:
        """The position of what is newest."""


class RunChannel(Channel):
    """The events of one run; positions are seqs."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self._pages: OrderedDict[tuple[int, int], asyncio.Future[RunBatch]] = OrderedDict()

    async def catch_up(self, viewer: Viewer, readers: Readers, upto: int) -> None:
        """Page by page, each sent before the next is read."""
        while viewer.after < upto:
            batch = await self._page(viewer.after, upto, readers)
            frames = await readers.run(batch.frames, viewer.form)
            await viewer.send(frames, batch.last)

    async def _page(self, after: int, upto: int, readers: Readers) -> RunBatch:
        """Whoever comes back at the same moment, as all do after a restart, shares the page."""
        page = self._pages.get((after, upto))
        if page is None or (page.done() and page.exception() is not None):
            page = asyncio.ensure_future(readers.run(self._read_page, after, upto))
            self._pages[after, upto] = page
            while len(self._pages) > PAGES_KEPT:
                self._pages.popitem(last=False)
        return await asyncio.shield(page)

    def _read_page(self, after: int, upto: int) -> RunBatch:
        rows = feed.events_after(self.run_id, after, EVENTS_PER_PAGE, upto=upto)
        full = len(rows) == EVENTS_PER_PAGE
        return RunBatch(self.run_id, after, rows[-1].seq if full else upto, rows)

    def _newest(self) -> int:
        return feed.last_seqs([self.run_id]).get(self.run_id, 0)


class FeedChannel(Channel):
    """What changes in many runs at once; read with a pause between two reads.

    `resumes`: whether positions outlive the channel, so that a socket may name one.
    """

    resumes = False
    # Whether its pages are told that the database is away, and that it is back.
    tells_outages = False
    not_before = 0.0

    def tell_outage(self, *, away: bool) -> None:
        """Tell pages, which see nothing new meanwhile; programs follow on when it is back."""
        if self.tells_outages:
            notice = OutageNotice(away=away)
            for viewer in self.viewers:
                if viewer.form == "html":
                    viewer.offer(notice)

    @abstractmethod
    def read_new(self) -> Batch | None:
        """What has changed since the last call; in the listener's thread."""


class ListChannel(FeedChannel):
    """The status changes of all runs; positions count batches.

    On Postgres the ids of events are not committed in order, so each read reaches back over ids
    that were read before and skips the events that it has seen.
    """

    reach_back = 10_000

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[int] = set()
        self._newest_id = 0

    async def catch_up(self, viewer: Viewer, readers: Readers, upto: int) -> None:
        """A page that was rendered a moment ago may lack a change; a program has no page."""
        if viewer.form == "html":
            batch = (await readers.run(recent_batch)).seen_by(viewer.sight)
            await viewer.send(await readers.run(batch.frames, "html"), 0)
        viewer.after = max(viewer.after, upto)

    def read_new(self) -> ListBatch | None:
        """What has changed since the last call; in the listener's thread."""
        fresh = self._fresh()
        if self.read_upto is None or not fresh:
            return None
        self.read_upto += 1
        return ListBatch(self.read_upto - 1, self.read_upto, fresh)

    def _fresh(self) -> list[feed.EventRow]:
        floor = self._newest_id - self.reach_back
        self._newest_id = feed.newest_event_id()
        found = feed.status_events(floor)
        fresh = [row for event_id, row in found if event_id not in self._seen]
        self._seen = {event_id for event_id, _ in found}
        return fresh

    def _newest(self) -> int:
        self._newest_id = feed.newest_event_id()
        self._fresh()
        return 0
