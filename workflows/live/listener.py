"""The one listener of a web process: it reads what is new once, for all who watch.

A thread waits for commits, reads every watched run in one statement, renders and encodes each
batch once, and hands all batches of a round to the event loop in one call. How long the loop took
to pass them on decides when the next round may begin, so that many viewers, or slow hours, make
batches larger instead of making the loop fall behind.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from django.db import DatabaseError, connections

from timestep.events import feed
from workflows.live.batches import Batch, RunBatch
from workflows.live.channels import Channel, FeedChannel, RunChannel
from workflows.live.readers import Readers
from workflows.live.viewers import Viewer
from workflows.live.wakeups import EVERYTHING, Wake, Wakeups, open_wakeups

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.5
SHORTEST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.25
# The loop may spend a quarter of its time on passing batches on.
PAUSE_PER_COST = 3.0
FEED_PAUSE_SECONDS = 0.2
IDLE_SECONDS = 3.0
EVENTS_PER_ROUND = 2000
LONGEST_BACKOFF_SECONDS = 5.0


class Listener:
    """Belongs to one event loop. The thread runs while anyone watches, and a little longer."""

    def __init__(self) -> None:
        self.readers = Readers()
        self._runs: dict[str, RunChannel] = {}
        self._feeds: dict[type[FeedChannel], FeedChannel] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._listening = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wakeups: Wakeups | None = None
        self._stopping = False
        self._in_flight = False
        self._not_before = 0.0

    @asynccontextmanager
    async def watching_run(self, run_id: str, viewer: Viewer) -> AsyncIterator[RunChannel]:
        """Offer the viewer what happens in a run, from before the block begins until it ends."""
        with self._lock:
            channel = self._runs.setdefault(run_id, RunChannel(run_id))
            channel.viewers.add(viewer)
        try:
            await self._started(channel)
            yield channel
        finally:
            with self._lock:
                channel.viewers.discard(viewer)
                if not channel.viewers and self._runs.get(run_id) is channel:
                    del self._runs[run_id]

    @asynccontextmanager
    async def watching_feed(
        self, kind: type[FeedChannel], viewer: Viewer
    ) -> AsyncIterator[FeedChannel]:
        """Offer the viewer a feed of what changes in many runs."""
        with self._lock:
            channel = self._feeds.setdefault(kind, kind())
            channel.viewers.add(viewer)
        try:
            await self._started(channel)
            yield channel
        finally:
            with self._lock:
                channel.viewers.discard(viewer)
                if not channel.viewers and self._feeds.get(kind) is channel:
                    del self._feeds[kind]

    def close(self) -> None:
        """End the thread and wait until all connections are closed (in tests)."""
        self._stopping = True
        thread = self._thread
        self._interrupt()
        if thread is not None:
            thread.join(5)
        self.readers.close()

    async def _started(self, channel: Channel) -> None:
        """Listen first and look then: what is committed in between is heard of."""
        self._ensure_thread()
        await self._listening.wait()
        await channel.start(self.readers)
        self._interrupt()

    def _ensure_thread(self) -> None:
        with self._lock:
            if self._thread is None:
                self._loop = asyncio.get_running_loop()
                self._listening = asyncio.Event()
                self._in_flight = False
                self._thread = threading.Thread(
                    target=self._main, args=[self._listening], name="timestep-live", daemon=True
                )
                self._thread.start()

    def _interrupt(self) -> None:
        if self._wakeups is not None:
            self._wakeups.interrupt()

    # From here on: in the listener's thread.

    def _main(self, listening: asyncio.Event) -> None:
        pause, away = 0.1, False
        try:
            while not self._leaving():
                try:
                    with open_wakeups() as self._wakeups:
                        self._call(listening.set)
                        if away:
                            self._call(self._tell_outage, False)
                        pause, away = 0.1, False
                        self._follow(self._wakeups)
                except DatabaseError as error:
                    logger.warning("live: the database is out of reach (%s); trying again", error)
                    if not away:
                        self._call(self._tell_outage, True)
                    away = True
                    connections.close_all()
                    time.sleep(pause)
                    pause = min(LONGEST_BACKOFF_SECONDS, pause * 2)
        finally:
            connections.close_all()

    def _leaving(self) -> bool:
        """Whether nobody watches any more; once true, the next viewer starts a new thread."""
        with self._lock:
            leaving = self._stopping or not (self._runs or self._feeds)
            if leaving:
                self._thread = None
            return leaving

    def _follow(self, wakeups: Wakeups) -> None:
        """Read round after round until nobody has watched for a while."""
        self._hear(EVERYTHING)
        idle_since = polled = time.monotonic()
        while not self._stopping:
            self._hear(wakeups.wait(self._patience()))
            now = time.monotonic()
            if now - polled >= POLL_SECONDS:
                self._hear(EVERYTHING)
                polled = now
            self._round(now)
            if self._runs or self._feeds:
                idle_since = now
            elif now - idle_since >= IDLE_SECONDS:
                return

    def _patience(self) -> float:
        """How long to wait for news: until the next round may begin, if one is due."""
        waits = [POLL_SECONDS]
        now = time.monotonic()
        if not self._in_flight and any(channel.dirty for channel in self._watched()):
            waits.append(self._not_before - now)
        waits.extend(channel.not_before - now for channel in self._dirty_feeds())
        return max(0.0, min(waits))

    def _watched(self) -> list[RunChannel]:
        with self._lock:
            return [one for one in self._runs.values() if one.read_upto is not None]

    def _dirty_feeds(self) -> list[FeedChannel]:
        with self._lock:
            feeds = list(self._feeds.values())
        return [one for one in feeds if one.dirty and one.read_upto is not None]

    def _hear(self, wake: Wake) -> None:
        with self._lock:
            for run_id, channel in self._runs.items():
                if wake.everything or run_id in wake.run_ids:
                    channel.dirty = True
            if wake.everything or wake.run_ids:
                for feed_channel in self._feeds.values():
                    feed_channel.dirty = True

    def _round(self, now: float) -> None:
        deliveries: list[tuple[Channel, Batch]] = []
        if not self._in_flight and now >= self._not_before:
            deliveries += self._read_runs()
        for channel in self._dirty_feeds():
            if now >= channel.not_before:
                deliveries += self._read_feed(channel, now)
        for watched, batch in deliveries:
            self._render(watched, batch)
        if deliveries:
            self._post(deliveries)

    def _read_runs(self) -> list[tuple[Channel, Batch]]:
        channels = {one.run_id: one for one in self._watched() if one.dirty}
        for channel in channels.values():
            channel.dirty = False
        cursors = {run_id: one.read_upto or 0 for run_id, one in channels.items()}
        try:
            found = feed.events_of_runs(cursors, EVENTS_PER_ROUND)
        except DatabaseError:
            self._hear(EVERYTHING)
            raise
        more = sum(map(len, found.values())) >= EVENTS_PER_ROUND
        deliveries: list[tuple[Channel, Batch]] = []
        for run_id, channel in channels.items():
            channel.dirty = channel.dirty or more
            if rows := found.get(run_id):
                deliveries.append((channel, RunBatch(run_id, cursors[run_id], rows[-1].seq, rows)))
                channel.read_upto = rows[-1].seq
        return deliveries

    def _read_feed(self, channel: FeedChannel, now: float) -> list[tuple[Channel, Batch]]:
        channel.dirty = False
        channel.not_before = now + FEED_PAUSE_SECONDS
        batch = channel.read_new()
        return [(channel, batch)] if batch else []

    def _render(self, channel: Channel, batch: Batch) -> None:
        for form in channel.forms():
            try:
                batch.frames(form)
            except Exception:  # One run's page must not end live progress for all.
                logger.exception("live: a batch cannot be rendered here; its viewers will try")

    def _post(self, deliveries: list[tuple[Channel, Batch]]) -> None:
        self._in_flight = True
        self._call(self._deliver, deliveries)

    def _call(self, what: Callable[..., object], *arguments: object) -> None:
        if self._loop is None or self._loop.is_closed():
            self._stopping = True
            return
        self._loop.call_soon_threadsafe(what, *arguments)

    # And these three on the event loop again.

    def _tell_outage(self, away: bool) -> None:
        with self._lock:
            feeds = list(self._feeds.values())
        for channel in feeds:
            channel.tell_outage(away=away)

    def _deliver(self, deliveries: list[tuple[Channel, Batch]]) -> None:
        # Processor time: on a busy machine waiting for the processor is not the viewers' doing.
        began = time.thread_time()
        for channel, batch in deliveries:
            channel.deliver(batch)
        # Viewers that were waiting have been scheduled before this, and send when they run.
        asyncio.get_running_loop().call_soon(self._settled, began)

    def _settled(self, began: float) -> None:
        pause = PAUSE_PER_COST * (time.thread_time() - began)
        self._not_before = time.monotonic() + min(
            LONGEST_PAUSE_SECONDS, max(SHORTEST_PAUSE_SECONDS, pause)
        )
        self._in_flight = False
        if any(channel.dirty for channel in self._runs.values()):
            self._interrupt()
