"""Looking again whether the people behind open sockets are still signed in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError

from workflows.live.access import SEES_OTHERS, SIGNED_OUT, Visitor, require_visitor
from workflows.live.readers import Readers
from workflows.live.viewers import Refused, Viewer

logger = logging.getLogger(__name__)


class SessionWatch:
    """One task for all sockets of a process, running while there are any."""

    def __init__(self, readers: Readers, seconds: float) -> None:
        self._readers = readers
        self._seconds = seconds
        self._viewers: dict[Viewer, Visitor] = {}
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def watching(self, visitor: Visitor, viewer: Viewer) -> Iterator[None]:
        """Fail the viewer, while the block runs, once its session has ended."""
        self._viewers[viewer] = visitor
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())
        try:
            yield
        finally:
            del self._viewers[viewer]
            if not self._viewers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            for visitor in set(self._viewers.values()):
                refused = await self._refusal(visitor)
                if refused is not None:
                    self._fail(visitor, refused)

    async def _refusal(self, visitor: Visitor) -> Refused | None:
        try:
            now = await self._readers.run(require_visitor, visitor.session_key)
        except Refused as refused:
            return refused
        except DatabaseError as error:
            logger.warning("live: sessions cannot be checked now: %s", error)
            return None
        if now.user_id != visitor.user_id:
            return SIGNED_OUT
        return None if now.sight == visitor.sight else SEES_OTHERS

    def _fail(self, visitor: Visitor, refused: Refused) -> None:
        for viewer, who in list(self._viewers.items()):
            if who == visitor:
                viewer.fail(refused)
